// Gives a node script its INPUT and OUTPUT, and records OUTPUT however the script ends. Loaded by `node -r` before the
// script, in its process only: what that starts gets an OUTPUT that says it is not recorded.
'use strict';

const fs = require('fs');
const path = require('path');
const worker = require('worker_threads');

const directory = path.dirname(path.dirname(process.env.OTTO_INPUT_JSON || ''));
const file = (name) => path.join(directory, '.otto', name);
const MOST_LEVELS = 128;
// The only key of an object that stands for a string which is not UTF-8, and of one that stands for the object in it.
const BYTES_KEY = '__otto_bytes__';
const MAP_KEY = '__otto_map__';

// ── who this is ───────────────────────────────────────────────────────────────────────────────────────────────

// The first process to remove the file is the task's own. Workers and forked children load this file too.
function isTheTask() {
  if (!worker.isMainThread) return false;
  try {
    fs.unlinkSync(file('claim'));
    return true;
  } catch {
    return false;
  }
}

const isTask = isTheTask();
// A module of ours that the script cannot replace by assigning to `fs`.
const { appendFileSync, readFileSync } = fs;

// ── what a script reads ───────────────────────────────────────────────────────────────────────────────────────

let loaded;

function tasks() {
  if (loaded) return loaded;
  const text = readFileSync(file('input.json'), 'utf8');
  loaded = parse(text);
  loadFanIns();
  if (text.includes('"__otto_')) {
    for (const values of Object.values(loaded)) mean(values);
  }
  return loaded;
}

// Foreach tasks with their items, in order. Their data by items is in the file for those who read it themselves.
const fanIns = new Map();

function loadFanIns() {
  if (!fs.existsSync(file('items.json'))) return;
  for (const [name, items] of Object.entries(JSON.parse(readFileSync(file('items.json'), 'utf8')))) {
    fanIns.set(name, new Set(items));
    delete loaded[name];
  }
}

// Integers that JavaScript would round become BigInt.
function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  let mark = 'integer:';
  while (text.includes(mark)) mark += ':';
  const marked = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.])-?\d{16,}(?![\d.eE])/g, (token) => {
    const isPlain = token.startsWith('"') || Number.isSafeInteger(Number(token));
    return isPlain ? token : `"${mark}${token}"`;
  });
  const isMarked = (value) => typeof value === 'string' && value.startsWith(mark);
  return JSON.parse(marked, (_key, value) => (isMarked(value) ? BigInt(value.slice(mark.length)) : value));
}

// Objects that stand for strings which are not UTF-8: JavaScript has no such strings, so they are passed on as they are.
const bytesForms = new WeakSet();

// Puts in place of each value of a list or an object what it stands for.
function mean(container) {
  for (const key of Object.keys(container)) {
    const value = container[key];
    if (value === null || typeof value !== 'object') continue;
    const only = onlyKey(value);
    if (only === BYTES_KEY && isBytes(value[only])) {
      bytesForms.add(value);
      continue;
    }
    const isWrapped = only === MAP_KEY && value[only] !== null && typeof value[only] === 'object' && isLikeOurs(onlyKey(value[only]));
    if (isWrapped) container[key] = value[only];
    mean(container[key]);
  }
}

function onlyKey(value) {
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  return keys.length === 1 ? keys[0] : undefined;
}

function isLikeOurs(key) {
  return key !== undefined && key.startsWith('__otto_') && key.endsWith('__');
}

// Whether otto writes a string that is not UTF-8 so.
function isBytes(base64) {
  if (typeof base64 !== 'string') return false;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 && !Buffer.from(bytes.toString('utf8')).equals(bytes);
}

// Asked for by JavaScript itself of any object, so their absence is no mistake of the script.
const ORDINARY = new Set(['then', 'toJSON', 'inspect', 'nodeType', 'length', 'asymmetricMatch', '$$typeof']);

function isOrdinary(key) {
  return typeof key === 'symbol' || key in Object.prototype || ORDINARY.has(key);
}

const NOTHING = Symbol('nothing');

// The meaning of a flat key; the longest key that is literally there wins.
function inside(value, key) {
  if (Array.isArray(value)) {
    if (key === '#') return value.length;
    const [index, ...rest] = key.split('.');
    if (!/^(0|[1-9]\d*)$/.test(index) || Number(index) >= value.length) return NOTHING;
    return rest.length ? inside(value[index], rest.join('.')) : value[index];
  }
  if (value === null || typeof value !== 'object') return NOTHING;
  if (Object.hasOwn(value, key)) return value[key];
  for (let dot = key.lastIndexOf('.'); dot >= 0; dot = dot > 0 ? key.lastIndexOf('.', dot - 1) : -1) {
    const first = key.slice(0, dot);
    const found = Object.hasOwn(value, first) ? inside(value[first], key.slice(dot + 1)) : NOTHING;
    if (found !== NOTHING) return found;
  }
  return NOTHING;
}

function find(key) {
  const all = tasks();
  if (Object.hasOwn(all, key)) return oneTask(key);
  if (fanIns.has(key)) return itemsOf(key);
  for (const [name, rest] of splits(key)) {
    const found = Object.hasOwn(all, name) ? inside(all[name], rest) : NOTHING;
    if (found !== NOTHING) return found;
  }
  const list = listFor(key);
  const values = list && list.items.map((item) => inside(all[`${list.name}:${item}`], list.key));
  return values && !values.includes(NOTHING) ? values : NOTHING;
}

// The ways to split a key into the name of a task and the rest, the longest name first.
function* splits(key) {
  for (let dot = key.lastIndexOf('.'); dot >= 0; dot = dot > 0 ? key.lastIndexOf('.', dot - 1) : -1) {
    yield [key.slice(0, dot), key.slice(dot + 1)];
  }
}

// What `task.*.key` asks of all jobs of a foreach task.
function listFor(key) {
  for (const [name, rest] of splits(key)) {
    if (fanIns.has(name) && rest.startsWith('*.')) return { name, items: [...fanIns.get(name)], key: rest.slice(2) };
  }
  return undefined;
}

// What console.log shows of a Proxy is its target.
function printedAs(values) {
  return Object.defineProperty({}, Symbol.for('nodejs.util.inspect.custom'), { value: values, configurable: true });
}

// The outputs of all jobs of a foreach task, by their items, in order. What a failed job left has its own name alone.
function itemsOf(name) {
  const items = fanIns.get(name);
  const all = () => Object.fromEntries([...items].map((item) => [item, tasks()[`${name}:${item}`]]));
  return new Proxy(printedAs(all), {
    get(target, key) {
      if (items.has(key)) return oneTask(`${name}:${key}`);
      if (isOrdinary(key)) return Reflect.get(target, key);
      throw missing(whyNoItem(name, key));
    },
    has: (target, key) => items.has(key) || Reflect.has(target, key),
    ownKeys: () => [...items],
    getOwnPropertyDescriptor(_target, key) {
      return items.has(key) ? { value: oneTask(`${name}:${key}`), enumerable: true, configurable: true } : undefined;
    },
    set: refuseToSet,
  });
}

function whyNoItem(name, item) {
  const job = `${name}:${item}`;
  if (Object.hasOwn(tasks(), job)) return `\`${job}\` did not succeed; what it left is INPUT['${job}']`;
  const items = [...fanIns.get(name)];
  if (!items.length) return `\`${name}\` has no item '${item}'; it has no items`;
  return `\`${name}\` has no item '${item}'; it has ${listed(items)}${didYouMean(item, items)}`;
}

function whyLacking({ name, items, key }) {
  const item = items.find((one) => inside(tasks()[`${name}:${one}`], key) === NOTHING);
  return whyMissing(`${name}:${item}`, key);
}

function flatKeys() {
  return Object.entries(tasks()).flatMap(([name, values]) => Object.keys(values).map((key) => `${name}.${key}`));
}

function oneTask(name) {
  return new Proxy(tasks()[name], {
    get(values, key) {
      if (Object.hasOwn(values, key) || isOrdinary(key)) return values[key];
      throw missing(whyMissing(name, key));
    },
    set: refuseToSet,
  });
}

const INPUT = new Proxy(printedAs(() => tasks()), {
  get(target, key) {
    if (typeof key === 'string') {
      const found = find(key);
      if (found !== NOTHING) return found;
    }
    if (isOrdinary(key)) return Reflect.get(target, key);
    const list = listFor(key);
    if (list) throw missing(whyLacking(list));
    const [owner, rest] = [...splits(key)].find(([name]) => Object.hasOwn(tasks(), name)) ?? [];
    throw missing(owner === undefined ? whyNoTask(key) : whyMissing(owner, rest));
  },
  has: (target, key) => (typeof key === 'string' && find(key) !== NOTHING) || Reflect.has(target, key),
  ownKeys: flatKeys,
  getOwnPropertyDescriptor(_target, key) {
    const found = typeof key === 'string' ? find(key) : NOTHING;
    return found === NOTHING ? undefined : { value: found, enumerable: true, configurable: true };
  },
  set: refuseToSet,
});

function refuseToSet(_target, key) {
  throw new TypeError(`INPUT holds what other tasks recorded; set OUTPUT[${JSON.stringify(String(key))}]`);
}

function missing(why) {
  const error = new Error(why);
  error.name = 'MissingInput';
  // Without the frames of this file.
  error.stack = `${error.stack}`.replace(/^Error/, error.name).split('\n').filter((line) => !line.includes(__filename)).join('\n');
  return error;
}

function whyMissing(task, key) {
  const known = Object.keys(tasks()[task]);
  if (!known.length) return `\`${task}\` recorded no outputs, so there is no '${key}'`;
  return `\`${task}\` has no output '${key}'; it has ${listed(known)}${didYouMean(key, known)}`;
}

function whyNoTask(key) {
  const known = Object.keys(tasks());
  const job = process.env.OTTO_TASK;
  const name = key.split('.')[0];
  const [whole, inner] = [...splits(key)].find(([owner]) => fanIns.has(owner)) ?? [];
  if (whole !== undefined) return `\`${whole}\` is a foreach task; INPUT['${whole}.*.${inner}'] reads this key of all its jobs`;
  if (!known.length) return `INPUT['${key}']: \`${job}\` depends on no task; name one in its \`needs\``;
  const owners = flatKeys().filter((flat) => flat.endsWith('.' + key)).slice(0, 3);
  if (owners.length) return `INPUT['${key}'] does not say of which task; did you mean '${owners.join("' or '")}'?`;
  const depends = known.map((task) => `\`${task}\``).join(', ');
  return `\`${name}\` is not a dependency of \`${job}\`, which depends on ${depends}${didYouMean(name, known) || `; add \`${name}\` to its \`needs\``}`;
}

const OUTCOME_FIELDS = ['exit', 'signal', 'reason', 'seconds', 'attempts', 'log', 'error', 'failed'];

// How the dependencies ended: OUTCOME['build'] is a word, OUTCOME['build.exit'] a field, undefined where it does not apply.
function outcomes(file) {
  const ends = JSON.parse(fs.readFileSync(file, 'utf8'));
  const flat = Object.create(null);
  for (const [name, fields] of Object.entries(ends)) flat[name] = fields.outcome;
  for (const [name, fields] of Object.entries(ends)) {
    for (const field of OUTCOME_FIELDS) {
      if (Object.hasOwn(fields, field)) flat[`${name}.${field}`] ??= fields[field];
    }
  }
  return new Proxy(flat, {
    get(_target, key) {
      if (key in flat || isOrdinary(key)) return flat[key];
      const owner = Object.keys(ends).filter((name) => key.startsWith(name + '.')).sort((a, b) => b.length - a.length)[0];
      const field = owner === undefined ? '' : key.slice(owner.length + 1);
      if (OUTCOME_FIELDS.includes(field)) return undefined;
      throw missing(owner === undefined ? whyNoOutcome(key, Object.keys(ends)) : whyNoField(owner, field));
    },
  });
}

function whyNoField(task, field) {
  return `\`OUTCOME\` of \`${task}\` has no field '${field}'; it has ${listed(OUTCOME_FIELDS)}${didYouMean(field, OUTCOME_FIELDS)}`;
}

function whyNoOutcome(name, known) {
  const job = process.env.OTTO_TASK;
  if (!known.length) return `OUTCOME['${name}']: \`${job}\` depends on no task; name one in its \`needs\``;
  const depends = known.map((task) => `\`${task}\``).join(', ');
  return `\`${name}\` is not a dependency of \`${job}\`, which depends on ${depends}${didYouMean(name, known) || `; add \`${name}\` to its \`needs\``}`;
}

function listed(names) {
  return names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
}

function didYouMean(key, known) {
  const near = known.slice(0, 2000).map((name) => [distance(key.toLowerCase(), name.toLowerCase()), name]).sort((a, b) => a[0] - b[0])[0];
  return near[0] <= Math.max(1, key.length / 3) ? `; did you mean '${near[1]}'?` : '';
}

function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, place) => place);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

// ── what a script writes ──────────────────────────────────────────────────────────────────────────────────────

class Writer {
  constructor() {
    this.problems = [];
    this.open = [];
    // How many lists and objects of JSON that is.
    this.levels = 0;
    this.way = [];
  }

  // An object as JSON, without the keys that JSON cannot hold.
  outermost(values) {
    this.open.push(values);
    this.levels += 1;
    const parts = [];
    for (const key of Object.keys(values)) {
      const problems = this.problems.length;
      const part = this.entry(key, values);
      if (this.problems.length === problems) parts.push(part);
    }
    return `{${parts.join(',')}}`;
  }

  entry(key, values) {
    if (!isWellFormed(key)) {
      this.refuse(`has the key ${JSON.stringify(key)}, which is not well-formed text: use a key that is`);
      return '';
    }
    return `${JSON.stringify(key)}:${this.inside(key, values)}`;
  }

  // A getter, a proxy or a `toJSON` may throw whatever it likes: that costs this value and no other.
  inside(step, values) {
    const { length } = this.open;
    const { levels } = this;
    this.way.push(step);
    try {
      return this.value(values[step]);
    } catch (error) {
      return this.refuse(`cannot be read (${said(error)}): use an object of what matters in it, or a string`);
    } finally {
      this.way.pop();
      this.open.length = length;
      this.levels = levels;
    }
  }

  value(value) {
    switch (typeof value) {
      case 'string':
        return isWellFormed(value) ? JSON.stringify(value) : this.refuse('has half of a surrogate pair: use .toWellFormed()');
      case 'number':
        if (!Number.isFinite(value)) return this.refuse(`is ${value}, and JSON has no such number: use null or a string`);
        return Object.is(value, -0) ? '-0' : String(value);
      case 'bigint':
        return String(value);
      case 'boolean':
        return String(value);
      case 'undefined':
        return this.refuse('is undefined: use null, or leave it out');
      case 'function':
        return this.refuse('is a function: call it, and record what it returns');
      case 'symbol':
        return this.refuse('is a symbol: use its .description');
      default:
        return value === null ? 'null' : this.object(value);
    }
  }

  object(value) {
    if (value instanceof Date) {
      return Number.isNaN(value.getTime()) ? this.refuse('is an invalid Date: use null') : JSON.stringify(value.toISOString());
    }
    if (value instanceof String || value instanceof Number || value instanceof Boolean) return this.value(value.valueOf());
    if (this.open.includes(value)) return this.refuse('contains itself: break the circle');
    if (this.open.length === MOST_LEVELS) return this.refuse(TOO_DEEP);
    this.open.push(value);
    return this.container(value);
  }

  container(value) {
    if (Array.isArray(value)) {
      if (this.isTooDeep(1)) return this.refuse(TOO_DEEP);
      return `[${Array.from({ length: value.length }, (_, place) => this.inside(place, value)).join(',')}]`;
    }
    const remedy = remedyFor(value);
    if (remedy) return this.refuse(`is ${remedy}`);
    if (typeof value.toJSON === 'function') return this.value(value.toJSON(String(this.way.at(-1))));
    const isToBeWrapped = isLikeOurs(onlyKey(value)) && !bytesForms.has(value);
    if (this.isTooDeep(isToBeWrapped ? 2 : 1)) return this.refuse(TOO_DEEP);
    const text = `{${Object.keys(value).map((key) => this.entry(key, value)).join(',')}}`;
    return isToBeWrapped ? `{"${MAP_KEY}":${text}}` : text;
  }

  // Counts the lists and objects that are about to be written; `inside` takes them back.
  isTooDeep(levels) {
    this.levels += levels;
    return this.levels > MOST_LEVELS;
  }

  refuse(what) {
    if (this.problems.length < 1000) {
      const way = this.way.map((step) => `[${JSON.stringify(step)}]`);
      if (way.length > 12) way.splice(12, way.length, '…');
      this.problems.push(`OUTPUT${way.join('')} ${what}`);
    }
    return 'null';
  }
}

const TOO_DEEP = `is nested more than ${MOST_LEVELS} levels deep: make it flatter`;

function said(error) {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : `it throws ${String(error)}`;
  } catch {
    return 'it throws what cannot be shown';
  }
}

function remedyFor(value) {
  if (value instanceof Map) return 'a Map: use Object.fromEntries(…)';
  if (value instanceof Set) return 'a Set: use [...set]';
  if (value instanceof WeakMap || value instanceof WeakSet) return 'a weak collection: use an object or an array';
  if (value instanceof Promise) return 'a Promise: await it first';
  if (value instanceof Error) return 'an Error: use .message or .stack';
  if (value instanceof RegExp) return 'a RegExp: use .source';
  if (Buffer.isBuffer(value)) return "a Buffer: use .toString('utf8') or .toString('base64')";
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}: use Array.from(…)`;
  if (value instanceof ArrayBuffer) return 'an ArrayBuffer: use Array.from(new Uint8Array(…))';
  return '';
}

function isWellFormed(text) {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
}

// ── recording ─────────────────────────────────────────────────────────────────────────────────────────────────

// Without the setter of `__proto__`, which would take a key of this name for something else.
const { __proto__: _setter, ...ordinary } = Object.getOwnPropertyDescriptors(Object.prototype);
const withoutKeys = () => Object.create(Object.create(null, ordinary));
const first = isTask ? withoutKeys() : elsewhere();
const inherited = { ...process.env };

function exported() {
  const changed = Object.entries(process.env).filter(([name, text]) => name.startsWith('OTTO_') && inherited[name] !== text);
  return Object.fromEntries(changed);
}

function save() {
  const writer = new Writer();
  const replaced = [];
  let outputs = first;
  let dropped = [];
  try {
    const found = globalThis.OUTPUT;
    if (found === null || typeof found !== 'object' || Array.isArray(found)) {
      replaced.push(`OUTPUT is ${Array.isArray(found) ? 'an array' : String(found)} now: set keys of it, OUTPUT.key = value`);
    } else {
      // A proxy may throw here, and would again further down.
      Object.keys(found);
      outputs = found;
      dropped = Object.keys(first).filter((key) => !Object.hasOwn(found, key));
    }
  } catch (error) {
    replaced.push(`OUTPUT cannot be read (${said(error)}): set keys of it, OUTPUT.key = value`);
  }
  const warnings = [];
  if (dropped.length) warnings.push([0, `OUTPUT was replaced, which drops ${listed(dropped.map((key) => JSON.stringify(key)))}`]);
  const text = writer.outermost(outputs);
  const told = { exports: exported(), replaced, problems: writer.problems, warnings };
  const record = Buffer.from(`${text}\n${JSON.stringify(told)}\n`);
  try {
    appendFileSync(file('dump'), Buffer.concat([record, Buffer.from(`otto-end ${record.length}\n`)]));
  } catch (error) {
    process._rawDebug(`otto: cannot save the outputs in ${file('dump')}: ${error.message}`);
    try {
      // An older record must not pass for this one.
      fs.truncateSync(file('dump'));
    } catch {
      // Then what is in it ends in the middle, which says as much.
    }
  }
}

// OUTPUT in a worker or a child process, from where nothing is recorded. It says so once.
function elsewhere() {
  let isTold = false;
  return new Proxy(withoutKeys(), {
    set(target, key, value) {
      if (!isTold) process._rawDebug(`otto: OUTPUT.${String(key)} is set outside the process of the task, from where it is not recorded`);
      isTold = true;
      return Reflect.set(target, key, value);
    },
  });
}

const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
define('INPUT', INPUT);
define('OUTPUT', first);
if (fs.existsSync(file('item.json'))) {
  // The item of a job of a foreach task, with its type.
  const held = { item: parse(readFileSync(file('item.json'), 'utf8')) };
  mean(held);
  define('ITEM', held.item);
}
if (process.env.OTTO_OUTCOME_JSON) define('OUTCOME', outcomes(process.env.OTTO_OUTCOME_JSON));

if (isTask) {
  // Not a listener: those that the script adds would come after it.
  const emit = process.emit;
  process.emit = function (name, ...rest) {
    try {
      return emit.call(this, name, ...rest);
    } finally {
      if (name === 'exit') save();
    }
  };
  // A signal that would end node on the spot does so once the outputs are saved. A script that listens decides itself.
  for (const name of ['SIGTERM', 'SIGHUP']) {
    const end = () => {
      if (process.listenerCount(name) > 1) return;
      save();
      process.off(name, end);
      process.kill(process.pid, name);
    };
    process.on(name, end);
  }
}

// ── modules of the project ────────────────────────────────────────────────────────────────────────────────────

// The script lies in otto's directory, but `require('./lib')` and packages are meant from where it runs.
const Module = require('module');
const { pathToFileURL } = require('url');
const script = process.argv[1];
const home = path.join(process.cwd(), 'otto.yml');

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const isScript = parent && parent.filename === script;
  const from = isScript ? { id: home, filename: home, paths: Module._nodeModulePaths(process.cwd()) } : parent;
  return resolveFilename.call(this, request, from, ...rest);
};

// The same for `import`. In most versions that takes a thread of its own, so it is only for who needs it.
const HOOKS = `
  let from, to;
  export const initialize = (urls) => { [from, to] = urls; };
  export const resolve = (specifier, context, next) =>
    next(specifier, context.parentURL === from ? { ...context, parentURL: to } : context);
`;

function importsOfTheProject() {
  try {
    return /\b(from|import)\s*\(?\s*(["'])(?!node:)/.test(readFileSync(script, 'utf8'));
  } catch {
    return false;
  }
}

if (isTask && Module.register && importsOfTheProject()) {
  const urls = [script, home].map((file) => pathToFileURL(file).href);
  Module.register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, { data: urls });
}
