"""Print the script that lets a shell complete commands, options, and the words an option takes.

snn2hw completion bash > ~/.local/share/bash-completion/completions/snn2hw
snn2hw completion zsh  > ~/.zfunc/_snn2hw                    with fpath+=~/.zfunc before compinit
snn2hw completion fish > ~/.config/fish/completions/snn2hw.fish

The script is made once, from the options as they are, and starts nothing when a key is pressed. Where no word is known,
files are offered.
"""

import argparse
from dataclasses import dataclass

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]

PROGRAMS = frozenset({"program"})
"""Arguments that take zoo:NAME as well as a file."""


@dataclass(frozen=True)
class Typed:
    """An option, or an argument without a dash, with what may stand behind it."""

    flags: tuple[str, ...]
    what: str
    takes: bool
    choices: tuple[str, ...]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=tuple(SHELLS), help="whose script is wanted")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Print the script."""
    script = SHELLS[args.shell](_grammar())
    reply.fact(shell=args.shell, script=script)
    reply.line(script)
    return 0


def _grammar() -> dict[str, tuple[Typed, ...]]:
    """Return the words of every command, from its parser."""
    from snn2hw.commands import COMMANDS, parser_of

    return {verb: tuple(_word(action) for action in parser_of(verb)[0]._actions) for verb in COMMANDS}


def _word(action: argparse.Action) -> Typed:
    from snn2hw.zoo import PREFIX, zoo_names

    choices = tuple(map(str, action.choices or ()))
    if action.dest in PROGRAMS and not action.option_strings:
        choices = tuple(f"{PREFIX}{name}" for name in zoo_names())
    what = " ".join((action.help or "").split()).replace("%%", "%")
    return Typed(tuple(action.option_strings), what, action.nargs != 0, choices)


def _bash(grammar: dict[str, tuple[Typed, ...]]) -> str:
    cases = []
    for verb, words in grammar.items():
        for word in words:
            if word.flags and word.takes:
                behind = "|".join(f"{verb}:{flag}" for flag in word.flags)
                cases.append(f"{behind}) words='{' '.join(word.choices)}' files={int(not word.choices)};;")
        first = [text for word in words for text in word.flags or word.choices]
        cases.append(f"{verb}:*) words='{' '.join(first)}' files=1;;")
    return _BASH.replace("VERBS", " ".join(grammar)).replace("CASES", "\n        ".join(cases))


_BASH = """# completion of snn2hw for bash
_snn2hw() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words= files=0
    # bash cuts words at a colon: what was typed of zoo:NAME is put together again
    if [[ $prev == zoo && $cur == : ]]; then
        cur=zoo:; prev="${COMP_WORDS[COMP_CWORD-2]}"
    elif [[ $prev == : ]]; then
        cur="${COMP_WORDS[COMP_CWORD-2]}:$cur"; prev="${COMP_WORDS[COMP_CWORD-3]}"
    fi
    if [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W 'VERBS --help --version' -- "$cur"))
        return
    fi
    case "${COMP_WORDS[1]}:$prev" in
        CASES
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    if [[ $cur == zoo:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#zoo:}")
    elif [[ $files -eq 1 && $cur != -* ]]; then
        COMPREPLY+=($(compgen -f -- "$cur"))
    fi
}
complete -o filenames -F _snn2hw snn2hw"""


def _zsh(grammar: dict[str, tuple[Typed, ...]]) -> str:
    from snn2hw.commands import COMMANDS

    verbs = " ".join(f"'{verb}:{_plain(command.summary)}'" for verb, command in COMMANDS.items())
    cases = []
    for verb, words in grammar.items():
        specs = [f"'{flag}[{_plain(word.what)}]{_zsh_value(word)}'" for word in words for flag in word.flags]
        specs += [f"'*{_zsh_value(word)}'" for word in words if not word.flags][:1]
        cases.append(f"{verb}) _arguments -s {' '.join(specs)};;")
    return _ZSH.replace("VERBS", verbs).replace("CASES", "\n        ".join(cases))


def _zsh_value(word: Typed) -> str:
    if not word.takes:
        return ""
    chosen = " ".join(choice.replace(":", r"\:") for choice in word.choices)
    return f":value:({chosen})" if chosen and word.flags else ":file:_files"


_ZSH = """#compdef snn2hw
# completion of snn2hw for zsh
_snn2hw() {
    local -a verbs
    verbs=(VERBS)
    if (( CURRENT == 2 )); then
        _describe command verbs
        return
    fi
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    case $verb in
        CASES
    esac
}
compdef _snn2hw snn2hw"""


def _fish(grammar: dict[str, tuple[Typed, ...]]) -> str:
    from snn2hw.commands import COMMANDS

    lines = ["# completion of snn2hw for fish"]
    for verb, words in grammar.items():
        lines.append(f"complete -c snn2hw -f -n __fish_use_subcommand -a {verb} -d '{_plain(COMMANDS[verb].summary)}'")
        seen = f"complete -c snn2hw -n '__fish_seen_subcommand_from {verb}'"
        for word in words:
            flags = "".join(f" -l {f[2:]}" if f.startswith("--") else f" -s {f[1:]}" for f in word.flags)
            taken = f" -a '{' '.join(word.choices)}'" if word.choices else ""
            alone = (" -x" if word.choices else " -r") if word.takes and word.flags else ""
            if flags or taken:
                lines.append(f"{seen}{flags}{alone}{taken} -d '{_plain(word.what)}'")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text without what a shell or a specification would act on."""
    return "".join(" " if letter in "'\"[]:\\$`" else letter for letter in text)


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
