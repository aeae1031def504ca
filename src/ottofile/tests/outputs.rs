//! Contracts: what `outputs` may say, and each way to say it wrong.

use super::{check_task, task};
use insta::assert_snapshot;

#[test]
fn a_contract_is_read_in_its_short_and_its_long_form() {
    let task = task(
        "bash: x, outputs: {version: str, files: 'list[str]', note: 'str?', \
         channel: {type: str, choices: [stable, beta], default: stable, help: Where it goes}, \
         meta: {type: object, keys: {name: str, 'tags?': 'list[str]'}}, n: {type: int, min: 1, max: 9}, '*': any}",
    );
    let contract = task.outputs.expect("a contract").value;
    assert_snapshot!(contract.to_string(), @r#""version": str; "files": list[str]; "note": str?; "channel": str default "stable" choices ["stable","beta"]; "meta": object{"name": str; "tags": list[str]?; }; "n": int min 1 max 9; *: any;"#);
}

#[test]
fn types_of_other_languages_are_named_by_ours() {
    assert_snapshot!(check_task("bash: x, outputs: {a: string, b: integer, c: boolean, d: array, e: dict, f: 'Optional[str]', g: 'string?'}"), @"
    error[E0109]: `string` is not a type
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {bash: x, outputs: {a: string, b: integer, c: boolean, d: array, e: dict, f: 'Option…
      ╰╴                                  ━━━━━━ the type of output `a` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `str`?
    error[E0109]: `integer` is not a type
      ╭▸ otto.yml:1:46
    1 │ tasks: {a: {bash: x, outputs: {a: string, b: integer, c: boolean, d: array, e: dict, f: 'Option…
      ╰╴                                             ━━━━━━━ the type of output `b` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `int`?
    error[E0109]: `boolean` is not a type
      ╭▸ otto.yml:1:58
    1 │ …a: string, b: integer, c: boolean, d: array, e: dict, f: 'Optional[str]', g: 'string?'}}}
      ╰╴                           ━━━━━━━ the type of output `c` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `bool`?
    error[E0109]: `array` is not a type
      ╭▸ otto.yml:1:70
    1 │ …b: integer, c: boolean, d: array, e: dict, f: 'Optional[str]', g: 'string?'}}}
      ╰╴                            ━━━━━ the type of output `d` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `list[str]`?
    error[E0109]: `dict` is not a type
      ╭▸ otto.yml:1:80
    1 │ …, c: boolean, d: array, e: dict, f: 'Optional[str]', g: 'string?'}}}
      ╰╴                            ━━━━ the type of output `e` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `map[str]`?
    error[E0109]: `Optional[str]` is not a type
      ╭▸ otto.yml:1:89
    1 │ …d: array, e: dict, f: 'Optional[str]', g: 'string?'}}}
      ╰╴                       ━━━━━━━━━━━━━━━ the type of output `f` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `str?`?
    error[E0109]: `string?` is not a type
      ╭▸ otto.yml:1:109
    1 │ …, f: 'Optional[str]', g: 'string?'}}}
      ╰╴                          ━━━━━━━━━ the type of output `g` of task `a`
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    help: did you mean `str?`?
    ");
}

#[test]
fn files_and_values_are_told_apart() {
    assert_snapshot!(check_task("bash: x, outputs: [a.txt], output: {version: str}"), @"
    error[E0103]: `outputs` of task `a` must be a map of keys to types, not a list
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {bash: x, outputs: [a.txt], output: {version: str}}}
      ╰╴                              ━━━━━━━ this is a list
    help: files are `output`, values are `outputs`: a map of `KEY: TYPE`
    error[E0103]: `output` of task `a` must be a list of file names or patterns, not a map
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {bash: x, outputs: [a.txt], output: {version: str}}}
      ╰╴                                               ━━━━━━━━━━━━━━ this is a map
    help: files are `output`, values are `outputs`
    ");
}

#[test]
fn what_does_not_fit_the_type_is_an_error() {
    assert_snapshot!(check_task("bash: x, outputs: {a: {type: bool, min: 1}, b: {type: str, choices: [x], default: y}, c: {type: int, default: many}, d: {type: str, pattern: '('}, e: {type: int, pattern: x}, f: {type: str, keys: {a: str}}, g: {type: int, min: 2, max: 1}, h: {type: int, min: few}}"), @r#"
    error[E0112]: `min` of output `a` of task `a` cannot be used with type `bool`
      ╭▸ otto.yml:1:53
    1 │ …ype: bool, min: 1}, b: {type: str, choices: [x], default: y}, c: {type: int, default: many}, d…
      ╰╴                 ━ only for numbers, and the length of `str`, `list` and `map`
    error[E0109]: `default` of output `b` of task `a` does not match its type
      ╭▸ otto.yml:1:95
    1 │ …tr, choices: [x], default: y}, c: {type: int, default: many}, d: {type: str, pattern: '('}, e:…
      ╰╴                            ━ this is `"y"`, not one of the choices
    help: the choices are `"x"`
    error[E0109]: `default` of output `c` of task `a` does not match its type
      ╭▸ otto.yml:1:123
    1 │ … y}, c: {type: int, default: many}, d: {type: str, pattern: '('}, e: {type: int, pattern: x}, …
      ╰╴                              ━━━━ this is `"many"`, not an `int`
    help: numbers are written as in JSON
    error[E0109]: `pattern` of output `d` of task `a` is not a regular expression
      ╭▸ otto.yml:1:154
    1 │ …fault: many}, d: {type: str, pattern: '('}, e: {type: int, pattern: x}, f: {type: str, keys: {…
      ╰╴                                       ━━━ unclosed group
    error[E0112]: `pattern` of output `e` of task `a` cannot be used with type `int`
      ╭▸ otto.yml:1:184
    1 │ …, e: {type: int, pattern: x}, f: {type: str, keys: {a: str}}, g: {type: int, min: 2, max: 1}, …
      ╰╴                           ━ only for `str`, `path`, `file` and `dir`
    error[E0112]: `keys` of output `f` of task `a` cannot be used with type `str`
      ╭▸ otto.yml:1:203
    1 │ …e: int, pattern: x}, f: {type: str, keys: {a: str}}, g: {type: int, min: 2, max: 1}, h: {type:…
      ╰╴                                     ━━━━ only for `object`
    error[E0112]: no value of output `g` of task `a` would be valid
      ╭▸ otto.yml:1:240
    1 │ …str}}, g: {type: int, min: 2, max: 1}, h: {type: int, min: few}}}}
      │                             ┯       ─ the maximum, which is smaller
      │                             │
      ╰╴                            the minimum
    error[E0109]: `min` of output `h` of task `a` must be a number
      ╭▸ otto.yml:1:272
    1 │ …, min: 2, max: 1}, h: {type: int, min: few}}}}
      ╰╴                                        ━━━ not a number
    "#);
}

#[test]
fn a_contract_without_a_type_a_name_or_a_body_is_an_error() {
    assert_snapshot!(check_task("bash: x, outputs: {a: {help: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: str, minimum: 3}}"), @"
    error[E0106]: output `a` of task `a` has no type
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {bash: x, outputs: {a: {help: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: s…
      ╰╴                                  ━━━━━━━━━ `type` is missing
    help: write `{type: str, …}`
    error[E0103]: output `b` of task `a` has no type
      ╭▸ otto.yml:1:46
    1 │ tasks: {a: {bash: x, outputs: {a: {help: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: s…
      ╰╴                                             ━ a type is missing here
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    error[E0107]: an output of task `a` has an empty name
      ╭▸ otto.yml:1:51
    1 │ tasks: {a: {bash: x, outputs: {a: {help: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: s…
      ╰╴                                                  ━━ the name is empty
    error[E0103]: output `c` of task `a` has no type
      ╭▸ otto.yml:1:63
    1 │ tasks: {a: {bash: x, outputs: {a: {help: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: s…
      ╰╴                                                              ━━━━━ a type is missing here
      = note: types are `str`, `int`, `float`, `bool`, `path`, `file`, `dir`, `list[T]`, `map[T]`, `object` and `any`; a `?` after the type makes the key optional
    error[E0106]: output `d` of task `a` has no type
      ╭▸ otto.yml:1:73
    1 │ …: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: str, minimum: 3}}}}
      ╰╴                                  ━━━━━━━━━━ `type` is missing
    help: write `{type: str, …}`
    error[E0104]: unknown key `typ` in output `d` of task `a`
      ╭▸ otto.yml:1:74
    1 │ tasks: {a: {bash: x, outputs: {a: {help: x}, b: , '': str, c: [str], d: {typ: str}, e: {type: s…
      ╰╴                                                                         ━━━ unknown key
    help: did you mean `type`?
    error[E0104]: unknown key `minimum` in output `e` of task `a`
      ╭▸ otto.yml:1:100
    1 │ …[str], d: {typ: str}, e: {type: str, minimum: 3}}}}
      ╰╴                                      ━━━━━━━ unknown key
    help: did you mean `min`?
    ");
    assert_snapshot!(check_task("outputs: {a: str}"), @"
    error[E0112]: task `a` declares `outputs` but has no script to set them
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {outputs: {a: str}}}
      ╰╴            ━━━━━━━ nothing sets these values
    help: add a script, or declare them in the task that sets them
    ");
}
