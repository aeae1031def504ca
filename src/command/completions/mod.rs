//! `Completions`: the script that makes a shell ask otto what may come next. What may come next is known below, to
//! the command line.

use super::Context;

pub(super) fn command() -> clap::Command {
    let shells = clap::builder::PossibleValuesParser::new(SCRIPTS.map(|(shell, _)| shell));
    let shell = clap::Arg::new("shell").value_name("SHELL").required(true).value_parser(shells);
    clap::Command::new("Completions").arg(shell.help("bash, zsh or fish")).after_help(
        "bash:  source <(otto Completions bash)      in ~/.bashrc\n\
         zsh:   source <(otto Completions zsh)       in ~/.zshrc, after compinit\n\
         fish:  otto Completions fish | source       in ~/.config/fish/config.fish",
    )
}

const SCRIPTS: [(&str, &str); 3] = [
    ("bash", include_str!("otto.bash")),
    ("zsh", include_str!("otto.zsh")),
    ("fish", include_str!("otto.fish")),
];

pub(super) fn run(context: &mut Context, matches: &clap::ArgMatches) -> i32 {
    let wanted = matches.get_one::<String>("shell").map_or("", String::as_str);
    let script = SCRIPTS.iter().find(|(shell, _)| *shell == wanted);
    context.print(script.expect("bug: a shell without a script").1);
    0
}
