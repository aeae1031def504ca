//! From the rules of a Makefile to tasks: which rule makes a target, what its recipe comes to, what has to be as it was
//! when the Makefile was converted.

use super::super::sh::{fail, word};
use super::super::sheet;
use super::expand::{Guards, Trouble, Variable, VariableValue, automatic};
use super::function::PercentPattern;
use super::read::{File, Makefile, Recipe, TargetVariable};
use super::shell::{Runner, ShellScript, indented, is_settable};
use super::text::{self, FOLDER, MakeText, TextPiece, literal, plain, push, push_str};
use crate::name::is_identifier;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A target as a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TargetTask {
    pub(super) target: String,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) help: Option<String>,
    pub(super) needs: Vec<String>,
    /// A script of `sh` without its first line; none for a group.
    pub(super) body: Option<String>,
    pub(super) is_hidden: bool,
    pub(super) troubles: Vec<Trouble>,
    pub(super) guards: Guards,
}

/// Targets that would become this many tasks are more than anybody reads.
const MOST_TASKS: usize = 5000;
/// How large the bodies of all tasks together may be.
const MOST_TEXT: usize = 4_000_000;
const DEEPEST_CHAIN: usize = 150;
/// How many pattern rules may be looked at for one target.
const MOST_LOOKS: usize = 200_000;
/// Troubles of the whole file that each of its tasks names.
const MOST_TROUBLES: usize = 5;

/// Chooses an implicit rule for each target without a recipe, as make does.
pub(super) fn find_implicit_rules(makefile: &mut Makefile) {
    // What the Makefile itself names ought to exist; what a rule of make leads to need not.
    let mentioned: HashSet<String> = makefile.order.iter().cloned().collect();
    let mut place = 0;
    while place < makefile.order.len() && place < MOST_TASKS {
        let name = makefile.order[place].clone();
        place += 1;
        if let Err(trouble) = makefile.expander.spend(makefile.patterns.len() * (16 + name.len())) {
            makefile.troubles.push(trouble);
            return;
        }
        let file = &makefile.files[&name];
        if !file.recipes.is_empty()
            || makefile.phony.contains(&name)
            || name.starts_with('.') && file.is_target
        {
            continue;
        }
        implicit_rule(makefile, &name, &mentioned);
    }
}

fn implicit_rule(makefile: &mut Makefile, name: &str, mentioned: &HashSet<String>) {
    let (folder, base) = name.rfind('/').map_or(("", name), |at| name.split_at(at + 1));
    let mut candidates: Vec<(usize, usize, String, String)> = Vec::new();
    for (place, rule) in makefile.patterns.iter().enumerate() {
        for target in &rule.targets {
            let (text, prefix) = if target.contains('/') { (name, "") } else { (base, folder) };
            if let Some(stem) = PercentPattern::new(target).stem(text)
                && !stem.is_empty()
                && (target != "%" || !makefile.has_known_type(name))
            {
                candidates.push((stem.len(), place, stem.to_owned(), prefix.to_owned()));
            }
        }
    }
    candidates.sort_by_key(|(length, place, ..)| (*length, *place));
    // First without files that would have to be made on the way, then with them.
    let chained = candidates.iter().map(|candidate| (candidate.clone(), true));
    let candidates: Vec<_> =
        candidates.iter().map(|candidate| (candidate.clone(), false)).chain(chained).collect();
    let given: Vec<String> = makefile.files[name].needs.clone();
    let mut looks = 0;
    for ((_, place, stem, prefix), is_chained) in candidates {
        let rule = makefile.patterns[place].clone();
        if rule.lines.is_empty() && rule.troubles.is_empty() {
            continue;
        }
        // A later rule with the same patterns replaces an earlier one, or with no recipe removes it.
        let same =
            |other: &super::read::PatternRule| other.targets == rule.targets && other.needs == rule.needs;
        if makefile.patterns[place + 1..].iter().any(same) {
            continue;
        }
        let fill = |need: &String| match need.contains('%') {
            true => format!("{prefix}{}", PercentPattern::new(need).fill(&stem)),
            false => need.clone(),
        };
        let mut needs: Vec<String> = rule.needs.iter().map(fill).collect();
        if rule.is_second {
            match makefile.second(&rule.needs, name, &stem) {
                Ok(second) => {
                    needs = second.iter().map(fill).collect();
                }
                Err(_) => continue,
            }
        }
        let order_only: Vec<String> = rule.order_only.iter().map(fill).collect();
        let mut is_there = |need: &String| {
            makefile.files.get(need).is_some_and(|file| file.is_target)
                || makefile.expander.world.exists(need)
                || makefile.files.contains_key(need) && (!rule.is_built_in || mentioned.contains(need))
                || is_chained && can_be_made(makefile, need, 0, &mut looks)
        };
        if needs.contains(&name.to_owned()) || !needs.iter().chain(&order_only).all(&mut is_there) {
            if looks >= MOST_LOOKS {
                let file = makefile.files.get_mut(name).expect("bug: a file that was just there");
                let why = "pattern rules that lead to each other in too many ways".to_owned();
                file.troubles.push(Trouble { line: rule.line, why });
                return;
            }
            continue;
        }
        let between = rule.needs.iter().filter(|need| need.contains('%')).map(fill).find(|need| {
            is_chained && !makefile.files.contains_key(need) && !makefile.expander.world.exists(need)
        });
        let together: Vec<String> = rule.targets.iter().map(fill).collect();
        let full_stem = format!("{prefix}{stem}");
        for need in needs.iter().chain(&order_only) {
            makefile.mention(need);
        }
        let troubles = rule.troubles.clone();
        let file = makefile.files.get_mut(name).expect("bug: a file that was just there");
        file.line = if file.line == 0 || !rule.is_built_in { rule.line.max(file.line) } else { file.line };
        file.guards.extend(&rule.guards);
        file.troubles.extend(troubles);
        if let Some(between) = between {
            let why = format!("make would delete the intermediate file `{between}`");
            file.troubles.push(Trouble { line: file.line, why });
        }
        if together.len() > 1 {
            file.together = together;
        }
        let recipe = Recipe {
            lines: rule.lines,
            stem: full_stem,
            needs: needs.clone(),
            order_only: order_only.clone(),
            is_implicit: true,
        };
        file.sequence.splice(0..0, needs.iter().chain(&order_only).cloned());
        needs.extend(given);
        file.needs = needs;
        file.order_only.extend(order_only);
        file.recipes.push(recipe);
        return;
    }
    // Rules of make that are not taken over, and rules that make would chain.
    const OTHER: &[&str] = &[
        ".c", ".cc", ".cpp", ".C", ".o", ".y", ".l", ".f", ".F", ".p", ".r", ".s", ".S", ".sh", ".tex",
        ".texinfo", ".w", ".m", ".a",
    ];
    let stem = name.rsplit_once('.').map_or(name, |(stem, extension)| match extension {
        "o" | "c" | "s" | "dvi" | "tex" | "out" => stem,
        _ => name,
    });
    let has_source = OTHER.iter().any(|suffix| {
        let source = format!("{stem}{suffix}");
        source != name && makefile.expander.world.exists(&source)
    });
    if has_source && !makefile.expander.world.exists(name) {
        let line = makefile.files[name].line.max(1);
        let why = format!("make has a built-in rule for `{name}`");
        if let Some(file) = makefile.files.get_mut(name) {
            file.troubles.push(Trouble { line, why });
        }
    }
}

/// Whether a chain of pattern rules leads to a file.
fn can_be_made(makefile: &Makefile, name: &str, depth: usize, looks: &mut usize) -> bool {
    let (folder, base) = name.rfind('/').map_or(("", name), |at| name.split_at(at + 1));
    *looks += makefile.patterns.len();
    depth < 4
        && *looks < MOST_LOOKS
        && makefile.patterns.iter().filter(|rule| !rule.lines.is_empty()).any(|rule| {
            rule.targets.iter().any(|target| {
                let (text, prefix) = if target.contains('/') { (name, "") } else { (base, folder) };
                let Some(stem) = PercentPattern::new(target).stem(text).filter(|stem| !stem.is_empty())
                else {
                    return false;
                };
                if target == "%" && makefile.has_known_type(name) {
                    return false;
                }
                rule.needs.iter().all(|need| {
                    let need = match need.contains('%') {
                        true => format!("{prefix}{}", PercentPattern::new(need).fill(stem)),
                        false => need.clone(),
                    };
                    need != name
                        && (makefile.expander.world.exists(&need)
                            || makefile.files.get(&need).is_some_and(|file| file.is_target)
                            || can_be_made(makefile, &need, depth + 1, looks))
                })
            })
        })
}

/// A task with the target-specific variables that reach it from those that need it.
type TaskVariant = (String, Vec<usize>);

pub(super) struct TargetTasks<'m, 'w> {
    makefile: &'m mut Makefile<'w>,
    /// Target-specific variables, each once.
    assignments: Vec<TargetVariable>,
    made: BTreeMap<TaskVariant, TargetTask>,
    order: Vec<TaskVariant>,
    file_name: &'m str,
    /// Characters of the bodies so far.
    written: usize,
}

/// The tasks of a Makefile, in its order.
pub(super) fn tasks(makefile: &mut Makefile, file_name: &str) -> Vec<TargetTask> {
    makefile.expander.is_parsing = false;
    makefile.troubles.sort();
    makefile.troubles.dedup();
    if let Some(further) = makefile.troubles.get(MOST_TROUBLES).cloned() {
        let why = format!("and {} more like this", makefile.troubles.len() - MOST_TROUBLES);
        makefile.remarks.push(Trouble { line: further.line, why });
        makefile.troubles.truncate(MOST_TROUBLES);
    }
    let names: Vec<String> = makefile.order.clone();
    let mut tasks = TargetTasks {
        makefile,
        assignments: Vec::new(),
        made: BTreeMap::new(),
        order: Vec::new(),
        file_name,
        written: 0,
    };
    for name in names {
        if !tasks.is_task(&name) {
            continue;
        }
        if tasks.made.len() >= MOST_TASKS {
            let line = tasks.makefile.files[&name].line;
            let why = format!("this target and all that follow are left out: more than {MOST_TASKS} tasks");
            tasks.makefile.remarks.push(Trouble { line, why });
            break;
        }
        tasks.make(&(name, Vec::new()), &mut Vec::new());
    }
    tasks.finish()
}

impl TargetTasks<'_, '_> {
    /// Whether a file is made by something, and not only there.
    fn is_task(&self, name: &str) -> bool {
        let file = &self.makefile.files[name];
        let is_special = name.starts_with('.')
            && !name.contains('/')
            && name.len() > 1
            && name[1..].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        !is_special && (file.is_target || !file.recipes.is_empty() || !file.troubles.is_empty())
    }

    /// Adds a task and those that it needs. Answers the key under which it stands: the plain one where nothing that
    /// reaches it makes a difference.
    fn make(&mut self, key: &TaskVariant, above: &mut Vec<String>) -> TaskVariant {
        if self.made.contains_key(key) {
            return key.clone();
        }
        if above.len() == DEEPEST_CHAIN {
            let why = "a chain of prerequisites that is too long".to_owned();
            let line = self.makefile.files[&key.0].line;
            self.makefile.troubles.push(Trouble { line, why });
        }
        let (name, inherited) = key.clone();
        let file = self.makefile.files[&name].clone();
        let own = self.own(&name, &file).unwrap_or_else(|trouble| {
            self.makefile.troubles.push(trouble);
            Vec::new()
        });
        let mut passed = inherited.clone();
        let last = |place: &usize| {
            let name = &self.assignments[*place].name;
            let mut same = own.iter().rev().filter(|other| self.assignments[**other].name == *name);
            same.next().is_some_and(|last| !self.assignments[*last].is_private)
        };
        passed.extend(own.iter().copied().filter(last));
        // Whatever is exported, or comes from the environment, may be.
        let leaks = |assignment: &&TargetVariable| {
            let is_unexported = self.makefile.exported.get(&assignment.name) == Some(&false);
            assignment.is_private && !is_unexported && is_identifier(&assignment.name)
        };
        let private = own.iter().map(|place| &self.assignments[*place]).find(leaks);
        if let Some(private) = private
            && !file.sequence.is_empty()
        {
            let why = format!("`{}` is private, but make may export it to prerequisites, too", private.name);
            let trouble = Trouble { line: private.line, why };
            self.makefile.files.get_mut(&name).expect("bug: it was just there").troubles.push(trouble);
        }
        above.push(name.clone());
        let mut needs: Vec<String> = Vec::new();
        let mut keys: Vec<TaskVariant> = Vec::new();
        let mut missing: Vec<(usize, String)> = Vec::new();
        let mut seen = HashSet::new();
        for need in &file.sequence {
            if need.ends_with('/') && self.makefile.files.get(need).is_some_and(|file| !file.is_target) {
                let why = format!("the prerequisite `{need}`: make looks for ways to make a folder");
                let trouble = Trouble { line: file.line, why };
                self.makefile.files.get_mut(&name).expect("bug: it was just there").troubles.push(trouble);
            }
            if self.makefile.is_suffix(need)
                && self.makefile.files.get(need).is_some_and(|file| !file.is_target)
            {
                let why = format!("the prerequisite `{need}` is a suffix, for which make has a rule");
                let trouble = Trouble { line: file.line, why };
                self.makefile.files.get_mut(&name).expect("bug: it was just there").troubles.push(trouble);
            }
            // make drops a prerequisite that leads back.
            if !seen.insert(need.clone()) || need == &name || !self.makefile.files.contains_key(need) {
                continue;
            }
            if let Some(start) = above.iter().position(|target| target == need) {
                // Where make cuts a circle depends on the goal.
                let trouble = Trouble { line: file.line, why: format!("`{need}` needs itself") };
                for target in &above[start..] {
                    if let Some(file) = self.makefile.files.get_mut(target)
                        && file.troubles.len() < MOST_TROUBLES
                    {
                        file.troubles.push(trouble.clone());
                    }
                }
                continue;
            }
            if above.len() > DEEPEST_CHAIN {
                continue;
            }
            if !self.is_task(need) {
                missing.push((keys.len(), need.clone()));
                continue;
            }
            if self.made.len() >= MOST_TASKS {
                let why = format!("more than {MOST_TASKS} tasks");
                self.makefile.troubles.push(Trouble { line: file.line, why });
                break;
            }
            if let Err(trouble) = self.makefile.expander.spend(need.len() + passed.len()) {
                self.makefile.troubles.push(trouble);
                break;
            }
            keys.push(self.make(&(need.clone(), passed.clone()), above));
        }
        above.pop();
        // What is missing ends make before it makes what comes later.
        let last = keys.len();
        for (place, need) in missing.into_iter().rev() {
            if place < last
                && !self.makefile.phony.contains(&need)
                && !self.makefile.expander.world.exists(&need)
            {
                keys.insert(place, self.check(&need, file.line));
            }
        }
        let mut all = inherited.clone();
        all.extend(&own);
        let file = self.makefile.files[&name].clone();
        let mut task = self.task(&name, &file, &all);
        for key in &keys {
            needs.push(self.made[key].name.clone());
        }
        task.needs = needs;
        if !inherited.is_empty() {
            let plain_key = self.make(&(name.clone(), Vec::new()), &mut above.clone());
            let plain = &self.made[&plain_key];
            if plain.body == task.body && plain.needs == task.needs && plain.troubles == task.troubles {
                return plain_key;
            }
            let from = above.last().cloned().unwrap_or_default();
            task.name = self.free_name(&format!("{from}/{name}"));
            task.is_hidden = true;
            task.help = None;
        } else {
            task.name = self.free_name(&name);
        }
        if !self.made.contains_key(key) {
            self.order.push(key.clone());
        }
        self.made.insert(key.clone(), task);
        key.clone()
    }

    /// A task that fails unless a file is there that nothing makes.
    fn check(&mut self, need: &str, line: usize) -> TaskVariant {
        let key = (need.to_owned(), Vec::new());
        if !self.made.contains_key(&key) {
            let message = word(&format!("{}:{line}: no rule makes {need}", self.file_name));
            let task = TargetTask {
                target: need.to_owned(),
                name: self.free_name(need),
                line,
                help: None,
                needs: Vec::new(),
                body: Some(format!("[ -e {} ] || {{ echo {message} >&2; exit 1; }}\n", word(need))),
                is_hidden: true,
                troubles: Vec::new(),
                guards: Guards::new(),
            };
            self.order.push(key.clone());
            self.made.insert(key.clone(), task);
        }
        key
    }

    fn free_name(&self, name: &str) -> String {
        let mut wanted = name.to_owned();
        if crate::name::BUILT_INS.contains(&name) {
            wanted = name.to_lowercase();
        }
        wanted.retain(|c| !c.is_control());
        if wanted.is_empty() {
            wanted.push('_');
        }
        if wanted.starts_with('-') {
            wanted.insert(0, '_');
        }
        let is_taken = |wanted: &str| {
            self.made.values().any(|task| task.name == wanted)
                || wanted != name && self.makefile.files.contains_key(wanted)
        };
        while is_taken(&wanted) {
            wanted.push('_');
        }
        wanted
    }

    /// The places of the variables of a target itself.
    fn own(&mut self, name: &str, file: &File) -> Result<Vec<usize>, Trouble> {
        let patterns = &self.makefile.pattern_variables;
        let matching = patterns.iter().filter(|(pattern, _)| pattern.stem(name).is_some());
        let all: Vec<TargetVariable> = matching
            .map(|(_, assignment)| assignment.clone())
            .chain(file.variables.iter().cloned())
            .collect();
        let mut places = Vec::new();
        for assignment in all {
            let same = |known: &TargetVariable| *known == assignment;
            self.makefile.expander.spend(self.assignments.len())?;
            let place = self.assignments.iter().position(same).unwrap_or_else(|| {
                self.assignments.push(assignment);
                self.assignments.len() - 1
            });
            places.push(place);
        }
        Ok(places)
    }

    fn push_scope(&mut self, places: &[usize]) {
        let assignments: Vec<TargetVariable> =
            places.iter().map(|place| self.assignments[*place].clone()).collect();
        super::read::push_scope(&mut self.makefile.expander, &assignments);
    }

    fn automatic_variables(&mut self, name: &str, file: &File, recipe: &Recipe) {
        let mut seen = HashSet::new();
        let all: Vec<&str> = file.needs.iter().map(String::as_str).collect();
        let mut all = if file.is_double { recipe.needs.iter().map(String::as_str).collect() } else { all };
        // make drops a prerequisite that is the target itself.
        all.retain(|need| *need != name);
        let unique: Vec<&str> = all.iter().copied().filter(|need| seen.insert(*need)).collect();
        let order_only: Vec<&str> =
            file.order_only.iter().map(String::as_str).filter(|need| *need != name).collect();
        let first = all.first().copied().unwrap_or("");
        let stem = match recipe.is_implicit {
            true => recipe.stem.clone(),
            false => {
                let suffix =
                    [".c", ".o", ".cc", ".C", ".cpp", ".s", ".a", ".sh", ".tex", ".dvi", ".out", ".h"];
                suffix.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or("").to_owned()
            }
        };
        let lists: [(&str, Vec<&str>); 6] = [
            ("@", vec![name]),
            ("<", if first.is_empty() { Vec::new() } else { vec![first] }),
            ("^", unique.clone()),
            ("+", all.clone()),
            ("|", order_only),
            ("*", if stem.is_empty() { Vec::new() } else { vec![stem.as_str()] }),
        ];
        let folder = |word: &&str| match word.rfind('/') {
            Some(0) => "/".to_owned(),
            Some(at) => word[..at].to_owned(),
            None => ".".to_owned(),
        };
        let base = |word: &&str| word.rsplit('/').next().unwrap_or("").to_owned();
        let mut scope: HashMap<String, Variable> = HashMap::new();
        let mut put = |name: String, value: String| scope.insert(name, automatic(plain(value)));
        for (sign, words) in &lists {
            put((*sign).to_owned(), words.join(" "));
            put(format!("{sign}D"), words.iter().map(folder).collect::<Vec<_>>().join(" "));
            put(format!("{sign}F"), words.iter().map(base).collect::<Vec<_>>().join(" "));
        }
        put("%".to_owned(), String::new());
        let is_phony = self.makefile.phony.contains(name);
        match is_phony {
            true => {
                put("?".to_owned(), unique.join(" "));
            }
            false => {
                let why = "`$?`: only make knows which files are newer".to_owned();
                let trouble = Trouble { line: file.line, why };
                let lost = Variable { value: VariableValue::Lost(trouble), ..automatic(MakeText::new()) };
                scope.insert("?".to_owned(), lost);
            }
        }
        self.makefile.expander.scopes.push(scope);
    }

    fn task(&mut self, name: &str, file: &File, places: &[usize]) -> TargetTask {
        self.makefile.expander.met = Guards::new();
        self.makefile.expander.line = file.line;
        let mut troubles = self.makefile.troubles.clone();
        troubles.extend(file.troubles.iter().cloned());
        if self.written > MOST_TEXT {
            let why = format!("the tasks before this one have more than {MOST_TEXT} characters");
            troubles.push(Trouble { line: file.line, why });
        }
        if self.makefile.has_search_path {
            let is_lost = |need: &String| !self.is_task(need) && !self.makefile.expander.world.exists(need);
            if file.needs.iter().any(is_lost) {
                let why = "a file that make searches elsewhere (`VPATH`)".to_owned();
                troubles.push(Trouble { line: file.line, why });
            }
        }
        if file.recipes.len() > 1 && !self.makefile.phony.contains(name) && !file.needs.is_empty() {
            let why = "double-colon rules for one file with different prerequisites".to_owned();
            troubles.push(Trouble { line: file.line, why });
        }
        let is_group =
            |file: &File| file.together.len() > 1 && !file.recipes.iter().any(|recipe| recipe.is_implicit);
        let leader = file.needs.first().and_then(|need| self.makefile.files.get(need));
        let group = [Some(file), leader.filter(|leader| leader.together.iter().any(|member| member == name))];
        for file in group.into_iter().flatten().filter(|file| is_group(file)) {
            let mut lines = file.recipes.iter().flat_map(|recipe| &recipe.lines);
            if lines.any(|line| line.written.contains("$@") || line.written.contains("$(@")) {
                let why = "a recipe for several files that uses `$@`".to_owned();
                troubles.push(Trouble { line: file.line, why });
            }
        }
        if name.contains(FOLDER) {
            let why = format!("the target `{}` is given by its full path", name.replace(FOLDER, "…"));
            troubles.push(Trouble { line: file.line, why });
        }
        let body = match troubles.is_empty() {
            true => self.body(name, file, places),
            false => Ok(None),
        };
        let mut guards = std::mem::take(&mut self.makefile.expander.met);
        guards.extend(&file.guards);
        guards.extend(&self.makefile.everywhere);
        let mut script = ShellScript::default();
        let mut text = None;
        match body {
            Ok(Some((made, body_script))) => {
                text = Some(made);
                script = body_script;
            }
            Ok(None) => {}
            Err(trouble) => troubles.push(trouble),
        }
        let mut checks = String::new();
        if troubles.is_empty() {
            match self.checks(&guards, &mut script) {
                Ok(made) => checks = made,
                Err(trouble) => troubles.push(trouble),
            }
        }
        troubles.sort();
        troubles.dedup();
        let body = if !troubles.is_empty() {
            let mut failing = String::new();
            for trouble in troubles.iter().take(5) {
                let message =
                    format!("{}:{}: not converted: {}", self.file_name, trouble.line, visible(&trouble.why));
                failing.push_str(&format!("echo {} >&2\n", word(&message)));
            }
            Some(failing + "exit 1\n")
        } else if text.is_none() && checks.is_empty() {
            None
        } else {
            let functions = script.functions();
            let functions = if functions.is_empty() { functions } else { format!("{functions}\n") };
            Some(format!("{functions}{}{checks}{}", script.head(), text.unwrap_or_default()))
        };
        self.written += body.as_ref().map_or(0, String::len);
        TargetTask {
            target: name.to_owned(),
            name: name.to_owned(),
            line: file.line,
            help: file.help.clone(),
            needs: Vec::new(),
            body,
            is_hidden: false,
            troubles,
            guards,
        }
    }

    /// Lines that fail where something is not as it was when the Makefile was converted.
    fn checks(&mut self, guards: &Guards, script: &mut ShellScript) -> Result<String, Trouble> {
        let mut checks = String::new();
        for place in guards {
            let guard = self.makefile.expander.guards[*place].clone();
            let mut own = ShellScript::default();
            own.helpers = std::mem::take(&mut script.helpers);
            let left = own.word(&guard.left).map_err(|trouble| Trouble { line: guard.line, ..trouble });

            script.helpers = std::mem::take(&mut own.helpers);
            checks.push_str(&own.head());
            let left = left?;
            for statement in &own.statements {
                checks.push_str(statement);
                checks.push('\n');
            }
            let sign = if guard.is_equal { "=" } else { "!=" };
            let why = format!(
                "decided when it was converted: {} was{} {}; run `otto Convert` again",
                shown(&guard.left),
                if guard.is_equal { "" } else { " not" },
                if guard.right.is_empty() {
                    "empty".to_owned()
                } else {
                    format!("`{}`", visible(&guard.right))
                },
            );
            let place = format!("{}:{}", self.file_name, guard.line);
            let right = word(&guard.right);
            checks.push_str(&format!(
                "[ {left} {sign} {right} ] || {{ {}; }}\n",
                fail(&format!("{place}: {why}"))
            ));
        }
        Ok(checks)
    }

    fn body(
        &mut self,
        name: &str,
        file: &File,
        places: &[usize],
    ) -> Result<Option<(String, ShellScript)>, Trouble> {
        let is_phony = self.makefile.phony.contains(name);
        let mut script = ShellScript::default();
        let mut text = String::new();
        // Files that nobody makes have to be there before make does anything.
        let mut seen = HashSet::new();
        let missing: Vec<String> = file
            .needs
            .iter()
            .chain(&file.order_only)
            .filter(|need| {
                !self.is_task(need) && !self.makefile.phony.contains(*need) && seen.insert((*need).clone())
            })
            .map(|need| word(need))
            .collect();
        if missing.iter().any(|need| need.contains(FOLDER)) {
            return Err(Trouble { line: file.line, why: "a prerequisite outside the folder".to_owned() });
        }
        if !missing.is_empty() {
            let place = format!("{}:{}", self.file_name, file.line);
            let message =
                format!("echo {}\"$make_file\" >&2; exit 1", word(&format!("{place}: no rule makes ")));
            text.push_str(&format!("for make_file in {}; do\n", missing.join(" ")));
            text.push_str(&format!("    [ -e \"$make_file\" ] || {{ {message}; }}\ndone\n"));
        }
        if file.recipes.is_empty() {
            return Ok((!text.is_empty()).then_some((text, script)));
        }
        if let Some(first) = file.together.first()
            && first != name
            && file.recipes.iter().all(|recipe| recipe.is_implicit)
            && self.makefile.files.get(first).is_some_and(|first| !first.recipes.is_empty())
        {
            return Err(Trouble {
                line: file.line,
                why: "a pattern rule that makes several files".to_owned(),
            });
        }
        // What a late include adds is not known, so nothing counts as up to date.
        let always = is_phony
            || self.makefile.has_late_includes
            || file.needs.iter().any(|need| self.makefile.phony.contains(need));
        if !always {
            let mut seen = HashSet::new();
            let needs: Vec<String> =
                file.needs.iter().filter(|need| seen.insert(*need)).map(|need| word(need)).collect();
            text.push_str(&up_to_date(&word(name), &needs));
        }
        let mut lines: Vec<String> = Vec::new();
        self.makefile.expander.spend(places.len() * 256)?;
        self.push_scope(places);
        let written = self.recipes(name, file, places, &mut script, &mut lines);
        self.makefile.expander.scopes.pop();
        let environment = written?;
        for statement in &script.statements {
            text.push_str(statement);
            text.push('\n');
        }
        text.push_str(&environment);
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        Ok((!text.is_empty()).then_some((text, script)))
    }

    /// The lines of all recipes of a target; answers what they find in the environment.
    fn recipes(
        &mut self,
        name: &str,
        file: &File,
        places: &[usize],
        script: &mut ShellScript,
        lines: &mut Vec<String>,
    ) -> Result<String, Trouble> {
        let is_lenient = self.makefile.ignores_errors || self.makefile.ignored.contains(name);
        let mut texts: Vec<(usize, bool, MakeText)> = Vec::new();
        let mut environment = String::new();
        let one_shell = self.makefile.is_one_shell;
        let runner = self.runner(name, file)?;
        script.shell.clone_from(&runner.command);
        let mut read: BTreeSet<String> = BTreeSet::new();
        for (place, recipe) in file.recipes.iter().enumerate() {
            self.automatic_variables(name, file, recipe);
            let done = self.one_recipe(recipe, &mut texts).and_then(|()| {
                if place > 0 {
                    return Ok(String::new());
                }
                for (.., text) in &texts {
                    text::names(text, &mut read);
                }
                self.environment(places, script, &mut read)
            });
            self.makefile.expander.scopes.pop();
            environment.push_str(&done?);
        }
        let calls_make =
            file.recipes.iter().flat_map(|recipe| &recipe.lines).any(|line| mentions_make(&line.written));
        if calls_make {
            environment.push_str("export MAKELEVEL=1\n");
        }
        self.check_values(&read, script);
        if one_shell {
            let mut whole = MakeText::new();
            let mut is_lenient = is_lenient;
            for (place, (.., text)) in texts.into_iter().enumerate() {
                if place > 0 {
                    push_str(&mut whole, "\n");
                }
                let mut text: std::collections::VecDeque<TextPiece> = text.into();
                if let Some(TextPiece::Plain(first)) = text.front_mut() {
                    let kept = first.trim_start_matches(['@', '-', '+', ' ', '\t']).to_owned();
                    is_lenient |= place == 0 && first[..first.len() - kept.len()].contains('-');
                    let blanks = first.len() - first.trim_start_matches([' ', '\t']).len();
                    let is_prefixed = first[blanks..].starts_with(['@', '-', '+']);
                    if is_prefixed {
                        *first = kept;
                    }
                }
                push(&mut whole, text.into());
            }
            let runner = Runner { is_default: false, ..runner };
            if let Some(line) = script.line(whole, &runner, is_lenient)? {
                lines.push(line);
            }
            return Ok(environment);
        }
        for (number, is_line_lenient, text) in texts {
            for text in split_lines(text) {
                let line = script
                    .line(text, &runner, is_lenient || is_line_lenient)
                    .map_err(|trouble| Trouble { line: number, ..trouble })?;
                lines.extend(line);
            }
        }
        Ok(environment)
    }

    fn one_recipe(
        &mut self,
        recipe: &Recipe,
        texts: &mut Vec<(usize, bool, MakeText)>,
    ) -> Result<(), Trouble> {
        for line in &recipe.lines {
            if line.line > 0 {
                self.makefile.expander.line = line.line;
            }
            if mentions_make(&line.written) {
                let why = "it calls make; the call is kept".to_owned();
                self.makefile.remarks.push(Trouble { line: line.line, why });
            }
            // The signs of a line hold for all lines that come out of it.
            let kept = line.written.trim_start_matches(['@', '-', '+', ' ', '\t']);
            let is_lenient = line.written[..line.written.len() - kept.len()].contains('-');
            let text = self.makefile.expander.expand(&line.written)?;
            if !self.makefile.is_one_shell && text::has_late_lines(&text) {
                return self.makefile.expander.trouble("a value of several lines that is not yet known");
            }
            texts.push((line.line, is_lenient, text));
        }
        Ok(())
    }

    fn runner(&mut self, name: &str, file: &File) -> Result<Runner, Trouble> {
        let recipe = file.recipes.last().cloned().unwrap_or_default();
        self.automatic_variables(name, file, &recipe);
        let shell = self.makefile.expander.value("SHELL").and_then(|text| self.makefile.expander.known(text));
        let flags =
            self.makefile.expander.value(".SHELLFLAGS").and_then(|text| self.makefile.expander.known(text));
        self.makefile.expander.scopes.pop();
        let (shell, flags) = (shell?, flags?);
        let shell = shell.trim().to_owned();
        let flags = match flags.trim() {
            "-c" if self.makefile.is_posix => "-ec".to_owned(),
            flags => flags.to_owned(),
        };
        let is_default = shell == "/bin/sh" && flags == "-c" && !self.makefile.is_one_shell;
        let flags: Vec<String> = flags.split_whitespace().map(word).collect();
        if shell.contains(FOLDER) || shell.is_empty() {
            return Err(Trouble { line: file.line, why: format!("the shell `{shell}`") });
        }
        let shell: Vec<String> = shell.split_whitespace().map(word).collect();
        let command = format!("{} {}", shell.join(" "), flags.join(" "));
        Ok(Runner { command: command.trim_end().to_owned(), is_default })
    }

    /// make expands the values of the environment, too, and a line break ends the line of a recipe.
    fn check_values(&mut self, read: &BTreeSet<String>, script: &mut ShellScript) {
        if read.is_empty() {
            return;
        }
        let values: String = read.iter().map(|name| format!("${{{name}-}}")).collect();
        let names: Vec<&str> = read.iter().map(String::as_str).collect();
        let why = format!(
            "{}: make would read the `$` or the line break in {}",
            self.file_name,
            names.join(" or ")
        );
        let check = format!("case \"{values}\" in *\\$* | *'\n'*) {} ;; esac", fail(&why));
        script.statements.insert(0, check);
    }

    /// Sets what make would set in the environment of its commands: variables of the Makefile that are exported, or that
    /// the environment has.
    fn environment(
        &mut self,
        places: &[usize],
        script: &mut ShellScript,
        read: &mut BTreeSet<String>,
    ) -> Result<String, Trouble> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for (name, variable) in &self.makefile.expander.variables {
            if variable.origin != super::expand::VariableOrigin::Default {
                names.insert(name.clone());
            }
        }
        let own: Vec<(String, bool)> = places
            .iter()
            .map(|place| (self.assignments[*place].name.clone(), self.assignments[*place].is_exported))
            .collect();
        names.extend(own.iter().map(|(name, _)| name.clone()));
        if self.makefile.exports_all {
            names.extend(["CURDIR", "MAKEFILE_LIST"].map(str::to_owned));
        }
        for (name, _) in self.makefile.exported.iter().filter(|(_, is_exported)| **is_exported) {
            names.insert(name.clone());
        }
        self.makefile.expander.spend(names.len() * 64)?;
        let is_exported = |name: &String| {
            // The last time that a target says it counts.
            let last = own.iter().rev().find(|(own, _)| own == name);
            let own = last.is_some_and(|(_, is_exported)| *is_exported);
            match self.makefile.exported.get(name) {
                Some(is_exported) => *is_exported || own,
                None => own || self.makefile.exports_all,
            }
        };
        let is_changed = |(name, is_exported): &&(String, bool)| {
            let last = own.iter().rev().find(|(own, _)| own == name);
            *is_exported && last.is_some_and(|(_, is_exported)| !is_exported)
        };
        if let Some((name, _)) = own.iter().find(is_changed) {
            let why = format!("`{name}` is exported for a target and then changed without `export`");
            return self.makefile.expander.trouble(why);
        }
        // The shell is passed on only where the Makefile says so: the environment has one of its own.
        names
            .retain(|name| name != "SHELL" || self.makefile.exported.contains_key(name) && is_exported(name));
        let exported: BTreeSet<String> = names.iter().filter(|name| is_exported(name)).cloned().collect();
        let is_odd = |(name, is_exported): &(&String, &bool)| {
            **is_exported
                && !is_settable(name)
                && !["MAKEFLAGS", "MAKELEVEL", "MFLAGS"].contains(&name.as_str())
        };
        if let Some((name, _)) = self.makefile.exported.iter().find(is_odd) {
            let why = format!("`{name}` is exported, which a shell cannot do");
            return self.makefile.expander.trouble(why);
        }
        let unset: Vec<String> = self
            .makefile
            .exported
            .iter()
            .filter(|(name, is_exported)| !**is_exported && is_settable(name))
            .map(|(name, _)| name.clone())
            .collect();
        script.changed.extend(names.iter().cloned());
        script.changed.extend(unset.iter().cloned());
        let mut constant: Vec<String> = Vec::new();
        let mut exports: Vec<String> = Vec::new();
        let mut late: Vec<String> = Vec::new();
        let mut text = String::new();
        for name in names.iter().filter(|name| is_settable(name) && !unset.contains(name)) {
            let met = self.makefile.expander.met.clone();
            let value = match self.makefile.expander.lookup(name).cloned() {
                Some(variable) => {
                    self.makefile.expander.value_of(name, &variable).map(|value| (value, variable.guards))
                }
                // Exported, and set nowhere but in the environment.
                None => continue,
            };
            let is_exported = exported.contains(name);
            if !is_exported {
                self.makefile.expander.met = met;
            }
            let (value, guards) = match value {
                Ok(value) => value,
                Err(trouble) if is_exported => return Err(trouble),
                Err(trouble) => {
                    let why = format!("not converted: {}", visible(&trouble.why));
                    let place = format!("{}:{}", self.file_name, trouble.line);
                    let why = fail(&format!("{place}: environment variable `{name}`: {why}"));
                    text.push_str(&format!("[ -z \"${{{name}+x}}\" ] || {{ {why}; }}\n"));
                    continue;
                }
            };
            self.makefile.expander.met.extend(&guards);
            if matches!(value.as_slice(), [TextPiece::Env { name: same, .. }] if same == name) && !is_exported
            {
                continue;
            }
            if let Some(known) = literal(&value)
                && !known.contains(FOLDER)
            {
                let assigned = format!("{name}={}", word(&known.replace(text::MAKE, "make")));
                if is_exported {
                    exports.push(assigned)
                } else {
                    constant.push(assigned)
                }
                continue;
            }
            let before = std::mem::take(&mut script.statements);
            let made = script.word(&value);
            let statements = std::mem::replace(&mut script.statements, before);
            let made = match made {
                Ok(made) => made,
                Err(trouble) => return Err(Trouble { line: self.makefile.expander.line, ..trouble }),
            };
            if is_exported {
                text::names(&value, read);
                script.statements.extend(statements);
                exports.push(format!("{name}={made}"));
            } else {
                let mut statements = statements;
                let kept = script.fresh();
                statements.push(format!("{kept}={made}"));
                let is_short = statements.iter().all(|line| !line.contains('\n'));
                // Read before anything is changed, and changed after everything was read.
                script.statements.push(match is_short {
                    true => format!("[ -z \"${{{name}+x}}\" ] || {{ {}; }}", statements.join("; ")),
                    false => format!("if [ -n \"${{{name}+x}}\" ]; then\n{}fi", indented(&statements)),
                });
                late.push(format!("[ -z \"${{{name}+x}}\" ] || {name}=${kept}"));
            }
        }
        for line in late {
            text.push_str(&format!("{line}\n"));
        }
        for line in wrapped(&constant) {
            text.push_str(&format!("{line}\n"));
        }
        for export in exports {
            text.push_str(&format!("export {export}\n"));
        }
        if !unset.is_empty() {
            text.push_str(&format!("unset {}\n", unset.join(" ")));
        }
        Ok(text)
    }

    fn finish(self) -> Vec<TargetTask> {
        let mut made = self.made;
        let by_name: HashMap<String, TaskVariant> =
            made.iter().map(|(key, task)| (task.name.clone(), key.clone())).collect();
        // A target that reaches one file with several sets of variables: make builds it once, for whoever comes first.
        let mut twice: Vec<TaskVariant> = Vec::new();
        for (key, task) in &made {
            let mut variants: HashMap<&str, &str> = HashMap::new();
            let mut open: Vec<&TargetTask> = vec![task];
            let mut seen: HashSet<&str> = HashSet::new();
            let mut is_twice = false;
            while let Some(next) = open.pop() {
                if !seen.insert(&next.name) {
                    continue;
                }
                if let Some(other) = variants.insert(&next.target, &next.name) {
                    is_twice |= other != next.name;
                }
                open.extend(next.needs.iter().filter_map(|need| made.get(by_name.get(need)?)));
            }
            if is_twice {
                twice.push(key.clone());
            }
        }
        for key in twice {
            if let Some(task) = made.get_mut(&key) {
                let why = "one file is needed with different variables, but make would make it only once"
                    .to_owned();
                let trouble = Trouble { line: task.line, why };
                let message = format!("{}:{}: not converted: {}", self.file_name, trouble.line, trouble.why);
                task.body = Some(format!("echo {} >&2\nexit 1\n", word(&message)));
                task.troubles.push(trouble);
            }
        }
        let mut tasks: Vec<TargetTask> = self.order.iter().filter_map(|key| made.remove(key)).collect();
        let place = |task: &TargetTask| self.makefile.order.iter().position(|name| *name == task.target);
        tasks.sort_by_key(|task| (task.is_hidden, place(task)));
        for task in &mut tasks {
            if !task.troubles.is_empty() {
                task.needs.clear();
            }
        }
        self.makefile.remarks.extend(dependents(&tasks));
        tasks
    }
}

/// A remark for each task that is whole and needs one that is not.
fn dependents(tasks: &[TargetTask]) -> Vec<Trouble> {
    let mut lost: HashMap<&str, &str> = HashMap::new();
    for task in tasks.iter().filter(|task| !task.troubles.is_empty()) {
        lost.insert(&task.name, &task.target);
    }
    let mut remarks = Vec::new();
    loop {
        let before = lost.len();
        for task in tasks {
            if !lost.contains_key(task.name.as_str())
                && let Some(need) = task.needs.iter().find_map(|need| lost.get(need.as_str()))
            {
                let why = format!("`{}`: needs `{need}`, which is not converted", task.target);
                remarks.push(Trouble { line: task.line, why });
                lost.insert(&task.name, &task.target);
            }
        }
        if lost.len() == before {
            return remarks;
        }
    }
}

/// Lines that end a task whose file is there and newer than what it needs.
fn up_to_date(target: &str, needs: &[String]) -> String {
    let short: Vec<String> =
        needs.iter().map(|need| format!(" && [ -e {need} ] && ! [ {need} -nt {target} ]")).collect();
    if needs.len() < 3 {
        return format!("if [ -e {target} ]{}; then exit 0; fi\n", short.concat());
    }
    format!(
        "make_old=\nfor make_file in {}; do\n    [ -e \"$make_file\" ] && ! [ \"$make_file\" -nt {target} ] || make_old=1\n\
         done\nif [ -e {target} ] && [ -z \"$make_old\" ]; then exit 0; fi\n",
        needs.join(" ")
    )
}

/// Whether a line of a recipe calls make.
fn mentions_make(written: &str) -> bool {
    written.contains("$(MAKE)") || written.contains("${MAKE}")
}

/// A text at the newlines that no backslash precedes.
fn split_lines(text: MakeText) -> Vec<MakeText> {
    let mut lines = vec![MakeText::new()];
    for piece in text {
        let TextPiece::Plain(plain) = piece else {
            lines.last_mut().expect("bug: one line at least").push(piece);
            continue;
        };
        let mut line = String::new();
        let mut backslashes = 0;
        for character in plain.chars() {
            if character == '\n' && backslashes % 2 == 0 {
                push_str(lines.last_mut().expect("bug: one line at least"), &line);
                lines.push(MakeText::new());
                line.clear();
            } else {
                line.push(character);
            }
            backslashes = if character == '\\' { backslashes + 1 } else { 0 };
        }
        push_str(lines.last_mut().expect("bug: one line at least"), &line);
    }
    lines
}

/// Words on lines of at most a hundred characters.
fn wrapped(words: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 100 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

/// A hole as the Makefile would name it.
pub(super) fn shown(text: &[TextPiece]) -> String {
    match text {
        [TextPiece::Plain(text)] if text.contains(FOLDER) => "the folder".to_owned(),
        [TextPiece::Env { name, .. }] => format!("`{name}`"),
        [TextPiece::Wildcard(patterns)] => format!("the files that match `{}`", visible(patterns)),
        [TextPiece::Shell(script)] => match literal(script) {
            Some(script) => format!("the output of `{}`", visible(&script)),
            None => "the output of a command".to_owned(),
        },
        _ => {
            let mut names = BTreeSet::new();
            text::names(text, &mut names);
            match names.is_empty() {
                true => "a value".to_owned(),
                false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" with "),
            }
        }
    }
}

/// A text for a message.
pub(super) fn visible(text: &str) -> String {
    sheet::visible(&text.replace(FOLDER, "."))
}
