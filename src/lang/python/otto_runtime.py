"""Runs the Python script of a task: loads INPUT, runs the user's lines as `__main__`, records OUTPUT.

Keeps its own names for what it uses, for a script may rebind or delete anything. `_json` and `_signal` stand
for `json` and `signal`, whose import would more than double the start of Python: 66 instead of 28 million
instructions (3.11); `binascii` stands for `base64`, which would as well.
"""

import atexit
import os
import posix
import sys
from _signal import SIG_BLOCK, SIG_DFL, SIG_SETMASK, SIGHUP, SIGTERM, getsignal, pthread_sigmask, signal
from _thread import get_ident
from binascii import a2b_base64, b2a_base64
from codecs import lookup_error
from os import O_APPEND, O_CREAT, O_WRONLY, close, ftruncate, getpid, kill, write
from os import open as open_descriptor

try:
    from _json import encode_basestring as quote
    from _json import make_scanner
except ImportError:
    # Another kind of Python.
    from json.encoder import encode_basestring as quote
    from json.scanner import make_scanner

# A copy, so that a script which sets `builtins.len = None` does not cost its data.
__builtins__ = dict(__builtins__)

MARKER = b"# otto: the lines of the task follow\n"
# Round what stands behind a `from __future__ import` for who starts the script by hand.
BY_HAND = (b"; import os, sys; os.execv(", b"  # otto: for a start by hand")
# The only key of a dict that stands for a string which is not UTF-8, or for the dict in it.
BYTES_KEY = "__otto_bytes__"
MAP_KEY = "__otto_map__"
MOST_LEVELS = 128
MOST_PROBLEMS = 1000
SIGNALS = (SIGTERM, SIGHUP)
FILE_SYSTEM = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
# Not from `types`: a module of the user on PYTHONPATH may have that name.
CodeType = type((lambda: None).__code__)
MethodType = type((lambda self: None).__get__(0))

# The files whose frames are not the user's business.
ours = {__file__}
# What this process is here for; None in a process that multiprocessing started.
task = None


# ── starting ────────────────────────────────────────────────────────────────────────────────────────────────


def run(main, directory, arguments):
    """Runs the script of the task as the module `main`. The first argument says who asks: `run` is otto,
    `try` a person, who wants the same inputs but not to change the records of a run that is over."""
    global task
    start = Start(directory)
    is_recording = arguments[1:2] == ["run"]
    sys.argv[:] = [start.script] + arguments[2 if is_recording else 3 :]
    if not sys.flags.isolated and not getattr(sys.flags, "safe_path", False):
        sys.path[0] = start.workdir
    # Python looks here for the source lines that it shows with an error.
    sources = directory + "/.otto/source"
    sys.path.append(sources)
    if not is_recording:
        for name, value in start.environment:
            os.environ.setdefault(name, value)
        os.chdir(start.workdir)
    show_lines_at_once()
    ours.add(sys._getframe(1).f_code.co_filename)

    names = main.__dict__
    for name in list(names):
        if name not in ("__name__", "__annotations__", "__builtins__"):
            del names[name]
    loader = Loader("__main__", start.script)
    names.update(__doc__=None, __package__=None, __spec__=None, __loader__=loader, __cached__=None)
    names["__file__"] = start.script
    main.__class__ = Main

    source = ""
    shown_name = start.shown_name
    try:
        source = loader.source = start.source()
        names.update(start.names())
        if start.condition:
            shown_name, body, source = os.path.basename(start.condition), source, start.question()
            sys.path[-1] = sources = os.path.dirname(start.condition)
            if not is_true(start, names, source, shown_name):
                return
            sys.path[-1] = sources = directory + "/.otto/source"
            shown_name, source = start.shown_name, body
        task = Task(start, source, names, is_recording)
        code = compile(source, start.shown_name, "exec", dont_inherit=True)
        task.look_for_local_outputs(code)
        exec(code, names)
    except BaseException as error:
        if isinstance(error, BrokenPipeError) and has_streamed_enough():
            raise SystemExit(141) from None
        if not isinstance(error, SystemExit):
            hide_otto(error, shown_name, source, sources)
        raise


def is_true(start, names, source, shown_name):
    """Asks the `if` of the task, and writes down the answer. What it sets is no output."""
    outputs = names["OUTPUT"]
    names.update(older_functions(start, names, outputs, lambda: None))
    is_true = bool(eval(compile(source, shown_name, "eval", dont_inherit=True), names))
    dict.clear(outputs)
    names["OUTPUT"] = names["OTTO_OUTPUT"] = outputs
    try:
        # By hand there is no such file: then a person is told.
        descriptor = open_descriptor(start.answer, O_WRONLY)
    except OSError:
        if not is_true:
            tell("otto: the if of this task is false\n")
        return is_true
    ftruncate(descriptor, 0)
    write_all(descriptor, b"0\n" if is_true else b"1\n")
    close(descriptor)
    return is_true


def has_streamed_enough():
    """Whether all who read the stream of this task have left it: otto then puts a link in place of its pipe.
    Other programs are ended by SIGPIPE at this point, and it counts as a success."""
    if not os.path.islink(os.environ.get("OTTO_OUTPUT_PIPE", "")):
        return False
    # What is still to be flushed has no reader either, and must not fail once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return True


def run_in_child(names, directory):
    """Runs the script in a process that multiprocessing started, where it is not `__main__`."""
    start = Start(directory)
    show_lines_at_once()
    for name in ("os", "sys", "otto_runtime"):
        del names[name]
    names.update(start.names())
    names["OUTPUT"] = names["OTTO_OUTPUT"] = OutputElsewhere()
    names.update(older_functions(start, names, {}, lambda: None))
    names["__file__"] = start.script
    exec(compile(start.source(), start.shown_name, "exec", dont_inherit=True), names)


def show_lines_at_once():
    """A line that is printed is seen when it is complete, as on a terminal."""
    try:
        sys.stdout.reconfigure(line_buffering=True)
    except (AttributeError, ValueError, OSError):
        # Closed, or Python 3.6: then lines come in blocks.
        pass


class Start:
    """What otto wrote down for this attempt in `.otto/start`: fields that end with a NUL."""

    def __init__(self, directory):
        fields = iter(read(directory + "/.otto/start").split(b"\0"))

        def text():
            return decode(next(fields))

        def path():
            return next(fields).decode(*FILE_SYSTEM)

        def pairs(second=text):
            return [(text(), second()) for _ in range(int(next(fields)))]

        self.directory = directory
        self.script = directory + "/script.py"
        self.job = text()
        # What errors call the script, and the line of it on which the user's lines begin.
        self.shown_name = text()
        self.first_line = int(next(fields))
        self.workdir = path()
        # Each dependency with its file, which is empty if it recorded nothing.
        self.inputs = pairs(path)
        self.params = pairs()
        # The words of parameters that take several.
        self.lists = pairs(lambda: [text() for _ in range(int(next(fields)))])
        # The colours, for scripts that write them.
        self.colours = pairs()
        # What otto puts into the environment, for when it does not.
        self.environment = pairs(path)
        # The `if` of the task and the file for its answer; empty if there is none.
        self.condition = path()
        self.answer = path()
        # The file that says how the dependencies ended; empty if the script does not ask.
        self.outcomes = path()
        # Each foreach task among the dependencies, with the items whose jobs set all they were to set.
        self.fan_ins = pairs(lambda: [text() for _ in range(int(next(fields)))])
        # The item of a job of a foreach task as JSON, else empty.
        self.item = next(fields).decode("utf-8")

    def source(self):
        """The user's lines, on the lines of the ottofile."""
        text = read(self.script)
        place = text.find(MARKER)
        lines = text[place + len(MARKER) if place >= 0 else 0 :]
        end = lines.find(BY_HAND[1])
        if end >= 0:
            lines = lines[: lines.rfind(BY_HAND[0], 0, end)] + lines[end + len(BY_HAND[1]) :]
        lines = lines.decode("utf-8")
        return "\n" * (self.first_line - 1) + (lines[1:] if lines[:1] == "\ufeff" else lines)

    def question(self):
        """The `if` of the task, on the lines of the ottofile."""
        return read(self.condition).decode("utf-8")

    def names(self):
        """The names that a script finds defined, without the functions."""
        inputs = Inputs(self)
        outputs = Outputs()
        Outputs.directory = self.directory
        names = {"INPUT": inputs, "OTTO_INPUT": inputs, "OUTPUT": outputs, "OTTO_OUTPUT": outputs}
        names["PARAMS"] = dict(self.params)
        if self.outcomes:
            names["OUTCOME"] = Outcomes(self)
        if self.item:
            names["ITEM"] = meaning(scanned(self.item))
        names["PARAMS"].update(self.lists)
        names.update(self.colours)
        for name, value in self.params:
            if not name.startswith("__"):
                builtin = __builtins__.get(name)
                names[name] = value if builtin is None else NamedLikeBuiltin(value, builtin)
        return names


class NamedLikeBuiltin(str):
    """The value of a parameter like `--format`: text that formats when it is called."""

    def __new__(cls, value, builtin):
        made = str.__new__(cls, value)
        made._builtin = builtin
        return made

    def __call__(self, *args, **named):
        return self._builtin(*args, **named)

    def __reduce__(self):
        return str, (str.__str__(self),)


class Main(type(sys)):
    """The module `__main__`. Its `__file__` is the script, except to multiprocessing, which runs that file in
    the processes it starts: there the runner must come first."""

    @property
    def __file__(self):
        caller = sys._getframe(1).f_globals.get("__name__") or ""
        if caller.rpartition(".")[2] == "spawn" and task is not None:
            return task.start.directory + "/.otto/runner.py"
        try:
            return self.__dict__["__file__"]
        except KeyError:
            raise AttributeError("module '__main__' has no attribute '__file__'") from None

    @__file__.setter
    def __file__(self, value):
        self.__dict__["__file__"] = value


class Loader(type(__loader__)):
    """Knows the source of `__main__` for whoever shows lines of it."""

    source = None

    def get_source(self, fullname):
        return self.source


# ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────


class Task:
    """The task that this process runs, and what it has to hand over however it ends."""

    def __init__(self, start, source, names, is_recording):
        self.start = start
        self.source = source
        self.names = names
        self.is_recording = is_recording
        self.process = getpid()
        # The dict that the script begins with. It may put another one in its place.
        self.outputs = names["OUTPUT"]
        self.warnings = []
        # What was handed over last.
        self.saved = None
        self.environment = os.environ
        self.inherited = exported(os.environ)
        self.exporting = watch(os.environ)
        names.update(older_functions(start, names, self.outputs, self.save))
        # Registered first, so called last: after all other threads, and after what the script registers.
        atexit.register(self.save_at_the_end)
        # These end the script without its end, and with them what was not handed over.
        end_at_once = os._exit
        os._exit = lambda status: (self.leave(), end_at_once(status))
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self.look_for_exec)
        # Whoever knows this object knows the module, so that Python clears it after what is the script's.
        self.module = sys.modules[__name__]
        # The masks of the threads that are forking right now.
        self.masks = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self.before_fork,
                after_in_parent=self.after_fork,
                after_in_child=self.go_on_in_child,
            )
        self.handler = self.end_by_signal
        for number in SIGNALS:
            if getsignal(number) == SIG_DFL:
                signal(number, self.handler)

    def end_by_signal(self, number, _frame):
        """These signals end Python on the spot. So they do here, once the outputs are saved."""
        self.save()
        signal(number, SIG_DFL)
        kill(getpid(), number)

    def before_fork(self):
        """A signal that a child gets before Python is in order again there is lost if it has a handler, and
        who sent it waits for ever. So it is held back until the child has none."""
        self.masks[get_ident()] = pthread_sigmask(SIG_BLOCK, SIGNALS)

    def after_fork(self):
        pthread_sigmask(SIG_SETMASK, self.masks.pop(get_ident(), ()))

    def go_on_in_child(self):
        outputs = self.names.get("OUTPUT")
        if is_dict(outputs):
            self.names["OUTPUT"] = self.names["OTTO_OUTPUT"] = OutputElsewhere(outputs)
        for number in SIGNALS:
            if getsignal(number) == self.handler:
                signal(number, SIG_DFL)
        self.after_fork()

    def look_for_exec(self, event, _arguments):
        if event == "os.exec":
            self.leave()

    def leave(self):
        """Says that outputs are lost when this process is about to be replaced or to end hard. Where there
        are none, that is handed over, so that nobody has to guess."""
        if getpid() != self.process or not self.is_recording:
            return
        outputs, told = self.now()
        has_told = told["exports"] or told["replaced"] or told["problems"]
        if self.saved is None and outputs == "{}" and not has_told:
            self.save()
        elif (outputs, told) != self.saved:
            outputs, told = self.saved or ("{}", {})
            self.record(outputs, dict(told, is_unsaved=True))
            # It may not come to that, and then what there is must be written after this.
            self.saved = None

    def save_at_the_end(self):
        try:
            self.save()
        except KeyboardInterrupt:
            self.save()
            raise
        finally:
            self.let_go()

    def let_go(self):
        """From here on Python deletes the globals of the script, if nobody else knows them; a value of one of
        its classes knows them all. What a `__del__` still puts into OUTPUT is saved by `_last`, or at once
        where OUTPUT has such a value and must be let go too."""
        self.names = {name: self.names[name] for name in ("OUTPUT", "OTTO_OUTPUT") if name in self.names}
        kept = [self.outputs, *self.names.values()]
        if all(type(outputs) is Outputs for outputs in kept) and not all(map(is_of_builtins, kept)):
            self.names, self.outputs = {}, None
            Outputs.save_at_once(self)

    def save(self):
        """Hands over what there is now. The last complete record counts."""
        if getpid() != self.process or self.outputs is None:
            return
        now = self.now()
        if now == self.saved:
            return
        self.saved = now
        outputs, told = now
        if self.is_recording:
            self.record(outputs, told)
            return
        tell("otto: run by hand, so this is not recorded: " + outputs + "\n")
        for line in told["replaced"] + told["problems"] + [text for _, text in told["warnings"]]:
            tell("otto: " + line + "\n")

    def now(self):
        """The outputs as a line of JSON, and what there is to say about them."""
        limit = sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(limit + 1000)
            with AnyDigits():
                return self.collect()
        finally:
            sys.setrecursionlimit(limit)

    def collect(self):
        replaced = []
        warnings = list(self.warnings)
        outputs = self.names.get("OUTPUT", self.outputs)
        if not is_dict(outputs):
            replaced.append(f"OUTPUT is {a_kind(outputs)} now: write OUTPUT['key'] = value")
            outputs = self.outputs
        elif outputs is not self.outputs:
            dropped = [key for key, _ in items_of(self.outputs) if key not in outputs]
            if dropped:
                warnings.append([0, f"OUTPUT was replaced, which drops {listed(map(short, dropped))}"])
        older = self.names.get("OTTO_OUTPUT", self.outputs)
        if not is_dict(older):
            replaced.append(f"OTTO_OUTPUT is {a_kind(older)} now: write OUTPUT['key'] = value")
        elif older is not self.outputs and older is not outputs:
            outputs = dict(items_of(older) + items_of(outputs))
        writer = Writer("OUTPUT")
        text = writer.outermost(outputs)
        exports = {
            name: value
            for name, value in exported(self.environment).items()
            if self.inherited.get(name) != value or name.encode("utf-8", "surrogateescape") in self.exporting
        }
        names = Writer("os.environ")
        names.outermost(exports)
        problems = writer.problems + names.problems
        return text, {"exports": exports, "replaced": replaced, "problems": problems, "warnings": warnings}

    def record(self, outputs, told):
        path = self.start.directory + "/.otto/dump"
        record = (outputs + "\n" + Writer("").outermost(told) + "\n").encode("utf-8")
        try:
            # Otto made the file, so that the umask of the script has no say.
            descriptor = open_descriptor(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
            try:
                write_all(descriptor, record + b"otto-end %d\n" % len(record))
            except OSError:
                discard(descriptor)
                raise
            finally:
                close(descriptor)
        except OSError as error:
            tell(f"otto: cannot save the outputs in {path}: {error.strerror}\n")

    def look_for_local_outputs(self, code):
        """`OUTPUT = …` in a function makes a variable of that function, and its data is lost."""
        if "OUTPUT" not in self.source:
            return
        codes = [code]
        while codes:
            code = codes.pop()
            codes.extend(part for part in code.co_consts if isinstance(part, CodeType))
            starred = bool(code.co_flags & 4) + bool(code.co_flags & 8)
            arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + starred]
            is_local = "OUTPUT" in code.co_varnames or "OUTPUT" in code.co_cellvars
            if is_local and "OUTPUT" not in arguments and not code.co_name.startswith("<"):
                line = line_of_assignment(self.source, code.co_firstlineno)
                text = (
                    f"OUTPUT is a variable of `{code.co_name}` here, and what it holds is lost: "
                    "write OUTPUT['key'] = value, or `global OUTPUT` before"
                )
                self.warnings.append([line, text])


class Last:
    """Python deletes the names of a module that begin with one underscore before its others, and modules that
    somebody still knows after everything else: so this is the last that happens."""

    def __del__(self):
        if task is not None:
            task.save()


_last = Last()


def line_of_assignment(source, first):
    for number, line in enumerate(source.split("\n")[first - 1 :], first):
        before, name, after = line.partition("OUTPUT")
        after = after.lstrip()
        if name and not before.strip() and after[:1] in ("=", ":") and after[:2] != "==":
            return number
    return first


def exported(environment):
    """The variables of an environment that may be exports: those of otto, and those that a task adds."""
    data = getattr(environment, "_data", None)
    if data is None:
        return {name: environment[name] for name in list(environment) if name.startswith("OTTO_")}
    return {decode(name): decode(data[name]) for name in list(data) if name.startswith(b"OTTO_")}


# ── errors as plain Python shows them ───────────────────────────────────────────────────────────────────────


def hide_otto(error, shown_name, source, sources):
    """Sees to it that an error which ends the script is shown without frames of otto, by whatever hook."""
    if isinstance(error, SyntaxError) and error.text is None and error.filename == shown_name:
        lines = source.split("\n")
        if error.lineno is not None and 0 < error.lineno <= len(lines):
            error.text = lines[error.lineno - 1] + "\n"
    hook = sys.excepthook

    def show(kind, error, traceback):
        sys.excepthook = hook
        strip_chain(error)
        sys.last_traceback = error.__traceback__
        # A script may have cleared the path along which Python looks for the lines that it shows.
        if type(sys.path) is list and sources not in sys.path:
            sys.path.append(sources)
        hook(kind, error, error.__traceback__)

    sys.excepthook = show


def strip_chain(error):
    seen = set()
    errors = [error]
    while errors:
        error = errors.pop()
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = stripped(error.__traceback__)
            errors += [error.__cause__, error.__context__]
            if type(error).__name__.endswith("ExceptionGroup"):
                errors += error.exceptions


def stripped(traceback):
    kept = []
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename not in ours:
            kept.append(traceback)
        traceback = traceback.tb_next
    try:
        for this, following in zip(kept, kept[1:] + [None]):
            if this.tb_next is not following:
                this.tb_next = following
    except AttributeError:
        # Python 3.6 can only leave out the first ones.
        pass
    return kept[0] if kept else None


# ── what a script reads ─────────────────────────────────────────────────────────────────────────────────────


class Inputs(dict):
    """The outputs of the dependencies under flat keys, `task.key`. Found too, though not among its keys, are
    `INPUT["task"]`, `INPUT["task.key.0.name"]` and, of all jobs of a foreach task, `INPUT["task.*.key"]`."""

    def __init__(self, start):
        super().__init__()
        self._job = start.job
        self._tasks = {}
        for name, file in start.inputs:
            values = load(file) if file else {}
            self._tasks[name] = OneTask(name, values)
            self.update({f"{name}.{key}": value for key, value in values.items()})
        self._items = {name: Items(name, items, self._tasks) for name, items in start.fan_ins}

    @property
    def __missing__(self):
        return MethodType(Lookup, self)

    def _find(self, key):
        if not isinstance(key, str):
            return ABSENT
        if key in self._tasks:
            return self._tasks[key]
        if key in self._items:
            return self._items[key]
        for end in places(key):
            found = inside(self._tasks.get(key[:end], ()), key[end + 1 :])
            if found is not ABSENT:
                return found
        jobs, rest = self._all(key)
        return ABSENT if jobs is None else jobs._each(rest)

    def _all(self, key):
        """The jobs of the foreach task of which `task.*.key` asks, and the key."""
        for end in places(key):
            if key[:end] in self._items and key[end : end + 3] == ".*.":
                return self._items[key[:end]], key[end + 3 :]
        return None, ""

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            jobs, rest = self._all(key) if isinstance(key, str) else (None, "")
            return default if jobs is None else [value for value in jobs._found(rest) if value is not ABSENT]

    def __contains__(self, key):
        return dict.__contains__(self, key) or self._find(key) is not ABSENT

    def __reduce__(self):
        return dict, (dict(self),)

    def _why_missing(self, key):
        """What is wrong with a key that is not there, and what would be right."""
        tasks = list(self._tasks)
        jobs, rest = self._all(key) if isinstance(key, str) else (None, "")
        if jobs is not None:
            return jobs._why_lacking(rest)
        if not isinstance(key, str):
            return f"INPUT has keys like 'task.key', and {short(key)} is {a_kind(key)}"
        name = owner(key, tasks)
        if name:
            return self._tasks[name]._why_missing(key[len(name) + 1 :])
        name = owner(key, self._items)
        if name:
            every = f"{name}.*.{key[len(name) + 1 :]}"
            return f"`{name}` is a foreach task; INPUT['{every}'] reads this key of all its jobs"
        flat = [name for name in self if name.endswith("." + key)]
        if flat:
            return f"INPUT[{key!r}] does not say of which task; did you mean {either(flat[:3])}?"
        return why_no_task(f"INPUT[{key!r}]", key.partition(".")[0], self._job, tasks)


class Items(dict):
    """The outputs of all jobs of a foreach task, by their items, in order. Of a job that failed, what it left
    is found by its own name alone."""

    def __init__(self, name, items, tasks):
        super().__init__((item, tasks[f"{name}:{item}"]) for item in items)
        self._name = name
        self._tasks = tasks

    @property
    def __missing__(self):
        return MethodType(Lookup, self)

    def _find(self, key):
        return ABSENT

    def _found(self, key):
        """What a flat key means in each of them."""
        return [inside(values, key) for values in self.values()]

    def _each(self, key):
        found = self._found(key)
        return ABSENT if any(value is ABSENT for value in found) else found

    def __reduce__(self):
        return dict, (dict(self),)

    def _why_missing(self, key):
        job = f"{self._name}:{key}"
        if job in self._tasks:
            return f"`{job}` did not succeed; what it left is INPUT[{job!r}]"
        if not self:
            return f"`{self._name}` has no item {key!r}; it has no items"
        return why_no_key(f"`{self._name}`", "item", str(key), list(self))

    def _why_lacking(self, key):
        """Why there is no list of a key."""
        item = next(item for item, value in zip(self, self._found(key)) if value is ABSENT)
        rest = f"; INPUT.get('{self._name}.*.{key}') leaves such tasks out"
        return self[item]._why_missing(key) + rest


class OneTask(dict):
    """The outputs of one dependency, by their own keys."""

    def __init__(self, name, values):
        super().__init__(values)
        self._name = name

    @property
    def __missing__(self):
        return MethodType(Lookup, self)

    def _find(self, key):
        return ABSENT

    def __reduce__(self):
        return dict, (dict(self),)

    def _why_missing(self, key):
        if not self:
            return f"`{self._name}` recorded no outputs, so there is no {key!r}"
        holder, values, rest = f"`{self._name}`", self, str(key)
        # As far as the key leads.
        while "." in rest:
            first, _, deeper = rest.partition(".")
            found = inside(values, first)
            if not isinstance(found, (dict, list)):
                break
            holder, values, rest = f"{first!r} of {holder}", found, deeper
        if isinstance(values, list):
            return f"{holder} has no {rest!r}: it is a list of {len(values)}"
        kind = "output" if values is self else "key"
        return why_no_key(holder, kind, rest, [str(known) for known in values])


class Outcomes(dict):
    """How the dependencies ended: `OUTCOME["build"]` is a word, `OUTCOME["build.exit"]` a field of it,
    which is None where it does not apply."""

    def __init__(self, start):
        super().__init__()
        self._job = start.job
        self._tasks = load(start.outcomes)
        for name, known in self._tasks.items():
            self[name] = known["outcome"]
        for name, known in self._tasks.items():
            for field in OUTCOME_FIELDS:
                self.setdefault(f"{name}.{field}", known.get(field))

    @property
    def __missing__(self):
        return MethodType(Lookup, self)

    def _find(self, key):
        return ABSENT

    def __reduce__(self):
        return dict, (dict(self),)

    def _why_missing(self, key):
        tasks = list(self._tasks)
        if not isinstance(key, str):
            return f"OUTCOME has keys like 'task' and 'task.exit', and {short(key)} is {a_kind(key)}"
        name = owner(key, tasks)
        if name:
            return why_no_key(f"`OUTCOME` of `{name}`", "field", key[len(name) + 1 :], OUTCOME_FIELDS)
        return why_no_task(f"OUTCOME[{key!r}]", key, self._job, tasks)


def owner(key, tasks):
    """The task whose name a key begins with, the longest if there are several; None if there is none."""
    return max((name for name in tasks if key.startswith(name + ".")), key=len, default=None)


def why_no_task(way, name, job, tasks):
    """What is wrong with a key that begins with the name of no dependency."""
    if not tasks:
        return f"{way}: `{job}` depends on no task; name one in its `needs`"
    near = similar(name, tasks)
    depends = listed(f"`{task}`" for task in tasks)
    rest = f"did you mean `{near}`?" if near else f"add `{name}` to its `needs`"
    return f"`{name}` is not a dependency of `{job}`, which depends on {depends}; {rest}"


def why_no_key(holder, kind, name, known):
    near = similar(name, known)
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{holder} has no {kind} {name!r}; it has {listed(known)}{hint}"


OUTCOME_FIELDS = ["exit", "signal", "reason", "seconds", "attempts", "log", "error", "failed"]


class Lookup:
    """Called with inputs and a key that is not among theirs, gives the value that it means, or raises what
    says that there is none. All that raises is in C: a script that shows the traceback itself sees only its
    own lines."""

    def __new__(cls, inputs, key):
        found = inputs._find(key)
        if found is not ABSENT:
            return found
        lookup = object.__new__(cls)
        lookup.error = MissingKey(key, inputs)
        return lookup

    @property
    def __init__(self):
        # `union` asks its first argument for an item, for which the handler of the codecs raises the error.
        return MethodType(frozenset().union, map(lookup_error("strict"), (self.error,)))


class MissingKey(KeyError):
    """A KeyError that says what there is. It works that out when it is shown, for most are caught."""

    def __init__(self, key, inputs):
        super().__init__(key)
        self._inputs = inputs

    def __str__(self):
        return self._inputs._why_missing(self.args[0])

    def __reduce__(self):
        return KeyError, (str(self),)


# What a traceback calls it.
MissingKey.__module__ = "builtins"
MissingKey.__name__ = MissingKey.__qualname__ = "KeyError"

# No value, where None is one.
ABSENT = object()


def places(key):
    """Where the name of a task may end in a key, the longest first."""
    end = key.rfind(".")
    while end >= 0:
        yield end
        end = key.rfind(".", 0, end)


def inside(values, path):
    """What a flat key means inside a value. The longest key that is literally there wins."""
    if isinstance(values, dict):
        if dict.__contains__(values, path):
            return values[path]
        end = path.rfind(".")
        while end >= 0:
            if dict.__contains__(values, path[:end]):
                found = inside(values[path[:end]], path[end + 1 :])
                if found is not ABSENT:
                    return found
            end = path.rfind(".", 0, end)
    elif isinstance(values, list):
        if path == "#":
            return len(values)
        index, dot, rest = path.partition(".")
        is_number = index and not index.strip("0123456789") and (index == "0" or index[0] != "0")
        if is_number and len(index) < 10 and int(index) < len(values):
            return inside(values[int(index)], rest) if dot else values[int(index)]
    return ABSENT


class AnyDigits:
    """Lets Python turn numbers of any length into text and back, which it refuses beyond 4,300 digits."""

    def __enter__(self):
        if hasattr(sys, "set_int_max_str_digits"):
            self.limit = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)

    def __exit__(self, *_):
        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(self.limit)


def scanned(text):
    """The value of a JSON text."""
    with AnyDigits():
        return make_scanner(Reading())(text, 0)[0]


def load(path):
    """The outputs of one dependency from their file."""
    text = read(path).decode("utf-8")
    values = scanned(text)
    if '"__otto_' not in text:
        return values
    return {key: meaning(value) for key, value in values.items()}


class Reading:
    """The settings that the scanner of the json module asks for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float

    def __init__(self):
        self.memo = {}


def meaning(value):
    """What a value of the file stands for, see `Writer.dict` and `Writer.string`."""
    if type(value) is list:
        return [meaning(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == BYTES_KEY:
            text = text_of(inner)
            if text is not None:
                return text
        if key == MAP_KEY and type(inner) is dict and is_like_ours(inner):
            value = inner
    return {key: meaning(item) for key, item in value.items()}


def text_of(base64):
    """The string that these bytes are, the way Python holds one: `os.fsencode` gives them back. None if otto
    would not have written it so."""
    if type(base64) is not str:
        return None
    try:
        data = a2b_base64(base64)
        if b2a_base64(data, newline=False).decode("ascii") != base64:
            return None
    except ValueError:
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")
    return None


def is_like_ours(names):
    """Whether a dict with these names for keys could be taken for one that stands for something else."""
    if len(names) != 1:
        return False
    (name,) = names
    return name.startswith("__otto_") and name.endswith("__")


# ── what a script writes ────────────────────────────────────────────────────────────────────────────────────


class Writer:
    """Writes JSON, and collects what cannot be written together with the way to it. No value is asked what it
    is, only its type: a mock or a proxy says what it likes."""

    def __init__(self, name):
        self.name = name
        self.problems = []
        self.way = []
        # The containers being written, by their identity, and how many lists and maps of JSON they are.
        self.open = set()
        self.levels = 0

    def outermost(self, values):
        """A dict as a line of JSON, without what JSON cannot hold."""
        self.open.add(id(values))
        self.levels += 1
        parts = []
        for key, name, value in self.items(values):
            problems = len(self.problems)
            text = self.inside(key, value)
            if len(self.problems) == problems:
                parts.append(f"{quote(name)}:{text}")
        return "{" + ",".join(parts) + "}"

    def inside(self, step, value):
        self.way.append(step)
        try:
            return self.value(value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return self.refuse(f"is {a_kind(value)} that cannot be read ({said(error)}): {remedy(value)}")
        finally:
            self.way.pop()

    def value(self, value):
        kind = type(value)
        if issubclass(kind, str):
            return self.string(str.__str__(value))
        if value is None:
            return "null"
        if kind is bool:
            return "true" if value else "false"
        if issubclass(kind, int):
            return int.__repr__(value)
        if issubclass(kind, float):
            text = float.__repr__(value)
            if text in NO_NUMBERS:
                return self.refuse(f"is {text}, and JSON has no such number: use None or a string")
            return text
        if issubclass(kind, (dict, list, tuple)):
            return self.container(value)
        if hasattr(kind, "__fspath__"):
            path = kind.__fspath__(value)
            return self.string(decode(path) if issubclass(type(path), bytes) else str.__str__(path))
        return self.refuse(f"is {a_kind(value)}: {remedy(value)}")

    def container(self, value):
        if id(value) in self.open:
            return self.refuse("contains itself: break the circle")
        levels = self.levels
        self.open.add(id(value))
        try:
            return self.dict(value) if issubclass(type(value), dict) else self.list(value)
        finally:
            self.open.discard(id(value))
            self.levels = levels

    def is_too_deep(self, levels):
        """Counts the lists and maps that are about to be written."""
        self.levels += levels
        return self.levels > MOST_LEVELS

    def list(self, value):
        if self.is_too_deep(1):
            return self.refuse(TOO_DEEP)
        items = list.__iter__(value) if issubclass(type(value), list) else tuple.__iter__(value)
        return "[" + ",".join([self.inside(place, item) for place, item in enumerate(list(items))]) + "]"

    def dict(self, value):
        items = self.items(value)
        stands_for_another = is_like_ours([name for _, name, _ in items])
        if self.is_too_deep(2 if stands_for_another else 1):
            return self.refuse(TOO_DEEP)
        parts = [f"{quote(name)}:{self.inside(key, item)}" for key, name, item in items]
        text = "{" + ",".join(parts) + "}"
        return f'{{"{MAP_KEY}":{text}}}' if stands_for_another else text

    def items(self, values):
        """Each key, its name in JSON and its value, without the keys that JSON cannot have."""
        owners = {}
        usable = []
        for key, value in items_of(values):
            name = self.key(key)
            if name is None:
                continue
            if name in owners:
                self.refuse(
                    f"has the keys {short(owners[name])} and {short(key)}, which are one in JSON: rename one"
                )
                continue
            owners[name] = key
            usable.append((key, name, value))
        return usable

    def key(self, key):
        kind = type(key)
        if issubclass(kind, str):
            name = str.__str__(key)
            try:
                name.encode("utf-8")
                return name
            except UnicodeEncodeError:
                data = name.encode("utf-8", "surrogateescape" if is_escaped(name) else "surrogatepass")
                self.refuse(f"has the key {short(data)}, which is not UTF-8: use a key that is")
                return None
        if key is None:
            return "null"
        if kind is bool:
            return "true" if key else "false"
        if issubclass(kind, int):
            return int.__repr__(key)
        if issubclass(kind, float) and float.__repr__(key) not in NO_NUMBERS:
            return float.__repr__(key)
        self.refuse(f"has the key {short(key)}, {a_kind(key)}: use a string")
        return None

    def string(self, value):
        try:
            value.encode("utf-8")
            return quote(value)
        except UnicodeEncodeError:
            pass
        if not is_escaped(value):
            half = next(
                letter for letter in value if "\ud800" <= letter <= "\udfff" and not is_escaped(letter)
            )
            return self.refuse(
                f"has half of a surrogate pair, {half!r}: use .encode('utf-8', 'replace').decode()"
            )
        data = value.encode("utf-8", "surrogateescape")
        try:
            # Python itself would read these bytes as this text.
            return quote(data.decode("utf-8"))
        except UnicodeDecodeError:
            if self.levels == MOST_LEVELS:
                return self.refuse(TOO_DEEP)
            base64 = b2a_base64(data, newline=False).decode("ascii")
            return f'{{"{BYTES_KEY}":"{base64}"}}'

    def refuse(self, what):
        if len(self.problems) < MOST_PROBLEMS:
            way = [f"[{short(key)}]" for key in self.way]
            if len(way) > 12:
                way[12:] = ["…"]
            self.problems.append(self.name + "".join(way) + " " + what)
        return "null"


TOO_DEEP = f"is nested more than {MOST_LEVELS} levels deep: make it flatter"
NO_NUMBERS = ("nan", "inf", "-inf")


def items_of(values):
    """The items of a dict to which another thread may be adding."""
    for _ in range(100):
        try:
            return list(dict.items(values))
        except RuntimeError:
            # It changed its size meanwhile.
            pass
    return list(dict.copy(values).items())


def is_escaped(text):
    """Whether its surrogates stand for bytes, as in what `os.fsdecode` returns."""
    try:
        text.encode("utf-8", "surrogateescape")
        return True
    except UnicodeEncodeError:
        return False


def remedy(value):
    """What to record in place of a value that JSON cannot hold."""
    try:
        return remedy_by_kind(type(value))
    except Exception:
        # A class whose class has its own idea of what attributes are.
        return "use str(…), or a dict of what matters in it"


def remedy_by_kind(kind):
    names = [base.__name__ for base in kind.__mro__]
    modules = [(getattr(base, "__module__", None) or "").partition(".")[0] for base in kind.__mro__]
    if "datetime" in modules:
        return "use str(…)" if "timedelta" in names or "tzinfo" in names else "use .isoformat()"
    if "Decimal" in names or "Fraction" in names:
        return "use str(…), or float(…) if that is exact enough"
    if "enum" in modules:
        return "use .value"
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return "use .decode() for text, base64 for anything else"
    if issubclass(kind, (set, frozenset)):
        return "use sorted(…) or list(…)"
    if issubclass(kind, complex):
        return "use [z.real, z.imag]"
    if issubclass(kind, type):
        return "use its __name__"
    if hasattr(kind, "__dataclass_fields__"):
        return "use dataclasses.asdict(…)"
    if hasattr(kind, "__await__"):
        return "await it first"
    if hasattr(kind, "tolist"):
        return "use .tolist()"
    if hasattr(kind, "to_dict"):
        return "use .to_dict()"
    if hasattr(kind, "__next__") or names[0] in ("range", "dict_keys", "dict_values", "dict_items", "deque"):
        return "use list(…)"
    if hasattr(kind, "__anext__"):
        return "use [item async for item in …]"
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return "use dict(…)"
    if names[0] in ("function", "method", "builtin_function_or_method"):
        return "call it, and record what it returns"
    return "use str(…), or a dict of what matters in it"


# ── the older names ─────────────────────────────────────────────────────────────────────────────────────────


def older_functions(start, names, first, save):
    """The functions with which scripts passed data before INPUT and OUTPUT, and that of services."""
    ready_file = os.environ.get("OTTO_READY")

    def otto_set_output(key, value):
        outputs = names.get("OUTPUT", first)
        if not is_dict(outputs):
            outputs = first
        outputs[key] = value
        if ready_file:
            # A service does not end before others need it.
            save()

    def otto_get_input(key, *default):
        inputs = names.get("OTTO_INPUT")
        if type(inputs) is not Inputs:
            inputs = Inputs(start)
        if key in inputs:
            return inputs[key]
        for known in inputs:
            if fold(known) == fold(str(key)):
                return inputs[known]
        if default:
            return default[0]
        tell(f"otto: {inputs._why_missing(key)}\n")
        return ""

    def otto_deserialize_input(name):
        """Inputs load by themselves; this only says whether the task is a dependency."""
        tasks = [task for task, _ in start.inputs]
        if name in tasks:
            return True
        depends = listed(f"`{task}`" for task in tasks) or "no task"
        tell(f"otto: `{name}` is not a dependency of `{start.job}`, which depends on {depends}\n")
        return False

    def otto_serialize_output(*_):
        """Hands over at once what would be handed over at the end."""
        save()

    def otto_ready():
        """Hands over what a service has set, and says that it can be used."""
        save()
        close(open_descriptor(ready_file, O_WRONLY | O_CREAT, 0o600))

    functions = [otto_set_output, otto_get_input, otto_deserialize_input, otto_serialize_output]
    if ready_file:
        functions.append(otto_ready)
    return {function.__name__: function for function in functions}


class Environment(dict):
    """What is beneath `os.environ`. Knows which variables the script has set: setting one to the value that
    it has already is a wish to hand it on."""

    def __setitem__(self, name, value):
        dict.__setitem__(self, name, value)
        self.names.add(name)


def watch(environ):
    """The names, as bytes, of the variables that are set from now on."""
    names = set()
    try:
        data = Environment(environ._data)
        data.names = names
        environ._data = os.environb._data = data
        # What a script finds there that loads `os` anew.
        posix.environ = data
    except AttributeError:
        # Another kind of Python. Then a variable that is set to what it was is not seen.
        pass
    return names


class Outputs(dict):
    """OUTPUT: a dict that also takes secrets."""

    directory = ""

    def secret(self, key, value):
        """Sets a value that is shown nowhere. Otto knows of it before this returns."""
        name = str(key).encode("utf-8", "surrogateescape").replace(b"\0", b"")
        texts = [b"", *texts_in(value)]
        data = b"".join(name + b"\0" + text.replace(b"\0", b"\n") + b"\0" for text in texts)
        descriptor = open_descriptor(self.directory + "/.otto/secrets", O_WRONLY | O_APPEND | O_CREAT, 0o600)
        try:
            write_all(descriptor, data)
        finally:
            close(descriptor)
        self[key] = value

    def __reduce__(self):
        return dict, (dict(self),)

    @classmethod
    def save_at_once(cls, task):
        """From now on, each change of such a dict makes it the task's and is saved."""

        def and_save(change):
            def changed(self, *args, **named):
                try:
                    return change(self, *args, **named)
                finally:
                    task.outputs = self
                    task.save()
                    task.outputs = None

            return changed

        for name in (
            "__setitem__",
            "__delitem__",
            "__ior__",
            "update",
            "setdefault",
            "pop",
            "popitem",
            "clear",
        ):
            if hasattr(dict, name):
                setattr(cls, name, and_save(getattr(dict, name)))


def is_of_builtins(value):
    """Whether a value, and each one in it, is of a class that no script has made."""
    values, seen = [value], set()
    while values:
        value = values.pop()
        kind = type(value)
        if kind in (dict, list, tuple, Outputs):
            if id(value) not in seen:
                seen.add(id(value))
                values += (
                    [part for pair in dict.items(value) for part in pair]
                    if isinstance(value, dict)
                    else value
                )
        elif kind not in (str, int, float, bool, bytes, type(None)):
            return False
    return True


def texts_in(value):
    """The strings in a value, and the value itself if it is a number."""
    if issubclass(type(value), str):
        return [str.encode(value, "utf-8", "surrogateescape")]
    if issubclass(type(value), (bytes, bytearray)):
        return [bytes(value)]
    if issubclass(type(value), dict):
        return [text for _, item in items_of(value) for text in texts_in(item)]
    if issubclass(type(value), (list, tuple)):
        return [text for item in value for text in texts_in(item)]
    if issubclass(type(value), int) and not issubclass(type(value), bool):
        return [b"%d" % value]
    return []


class OutputElsewhere(dict):
    """OUTPUT in a process other than the task's own, from where nothing can be recorded. It says so once."""

    is_told = False

    def _tell(self):
        if OutputElsewhere.is_told:
            return
        OutputElsewhere.is_told = True
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_code.co_filename in ours:
            frame = frame.f_back
        tell(
            f"otto: {frame.f_code.co_filename}, line {frame.f_lineno}: OUTPUT is set in a child process, "
            "from where it is not recorded; return the value to the process of the task\n"
        )

    def __setitem__(self, key, value):
        self._tell()
        dict.__setitem__(self, key, value)

    def update(self, *args, **named):
        self._tell()
        dict.update(self, *args, **named)

    def setdefault(self, key, default=None):
        self._tell()
        return dict.setdefault(self, key, default)

    def secret(self, key, value):
        self._tell()
        dict.__setitem__(self, key, value)

    def __reduce__(self):
        return dict, (dict(self),)


# ── small things ────────────────────────────────────────────────────────────────────────────────────────────


def read(path):
    with open(path, "rb") as file:
        return file.read()


def decode(data):
    """Bytes as text, whatever the locale says, so that they are recorded as the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def write_all(descriptor, data):
    data = memoryview(data)
    while data:
        data = data[write(descriptor, data) :]


def discard(descriptor):
    """Empties a file, so that an older record in it does not pass for one that could not be written."""
    try:
        ftruncate(descriptor, 0)
    except OSError:
        # Then what is in it ends in the middle, which says as much.
        pass


def tell(text):
    """To stderr itself, for the script may have put something else into `sys.stderr`."""
    try:
        write_all(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        # Closed: nobody listens.
        pass


def a_kind(value):
    """`a datetime`, `an int`."""
    name = "class" if issubclass(type(value), type) else type.__getattribute__(type(value), "__name__")
    return ("an " if name[:1] in tuple("aeioAEIO") else "a ") + name


def is_dict(value):
    """`isinstance` would believe what the value says of itself."""
    return issubclass(type(value), dict)


def said(error):
    """`ValueError: no`, also of an error that cannot be shown."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return type(error).__name__ + (f": {text}" if text else "")


def short(value):
    try:
        text = repr(value)
    except Exception:
        text = f"<{a_kind(value)}>"
    return text if len(text) <= 80 else text[:77] + "…"


def listed(names):
    names = [name if isinstance(name, str) else short(name) for name in names]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more


def either(names):
    return " or ".join(repr(name) for name in names)


def fold(key):
    return "".join(letter if letter.isalnum() or letter == "." else "_" for letter in key.lower())


def similar(name, known):
    """The one of `known` that was probably meant."""
    name = fold(name)
    near = [(distance(name, fold(other)), other) for other in known[:2000]]
    least, other = min(near, key=lambda pair: pair[0], default=(len(name), None))
    return other if least <= max(1, len(name) // 3) else None


def distance(one, other):
    """How many letters one would change, add or leave out to get the other."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row = row, [i]
        for j, wanted in enumerate(other, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted)))
    return row[-1]
