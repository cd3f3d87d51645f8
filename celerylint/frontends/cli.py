"""The command line: `celerylint [OPTIONS] [PATHS]...`, `celerylint inspect`, `celerylint graph`, `celerylint explain`."""

from __future__ import annotations

import errno
import gc
import os
import sys
import time

from celerylint import __version__

# A command whose answer is known already, or that asks for the version, waits for every import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import click

    from celerylint.config import Option, Options, Settings
    from celerylint.finding import Report

CLEAN, FAULTS, ERROR, INTERRUPTED = 0, 1, 2, 130
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

_SHORT = {"jobs": "-j", "output_file": "-o"}
_METAVARS = {"baseline": "FILE", "output_file": "FILE", "cache_dir": "FOLDER", "since": "REVISION"}
_INSPECT = (
    "exclude",
    "extend_exclude",
    "include_tests",
    "source_roots",
    "celery_version",
    "django_settings_module",
    "jobs",
    "executor",
    "cache_dir",
    "no_cache",
    "output_file",
    "color",
)
_CHOOSE = (
    "select",
    "extend_select",
    "ignore",
    "preset",
    "confidence",
    "per_file_ignores",
    "deployment_files",
    "development_files",
)
_EPILOG = """\
Verbs, as the first argument: `check` (the default), `inspect` (show what is understood of the project: tasks with their
effective options, queues, schedule), `graph` (draw who sends what to whom), `explain [CODE]` (the page of a rule, or the list of
all), `server` (speak to an editor), `completion` (of commands, in shells).

Exit status: 0 nothing at or above --fail-on, 1 findings (after --fix: those that remain; with --diff: something to
mend), 2 wrong usage or configuration, or a file that could not be written. --fix-only does not count what remains."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status. Never raises.

    As a program (without `argv`) it ends the process itself: taking a large project's facts apart piece by piece, as the
    interpreter would on its way out, is time that somebody waits for.
    """
    if argv is None:
        _open_streams()
        gc.disable()  # the first collection after a run would go through all of a large project once more
        status = _main(sys.argv[1:], replay=True)
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            pass  # whoever read the output has gone
        os._exit(status)
    return _main(argv)


def _main(argv: Sequence[str], *, replay: bool = False) -> int:
    arguments = list(argv)
    try:
        if arguments in (["--version"], ["-V"]):
            print(f"celerylint {__version__}", flush=True)
            return CLEAN
        return _replay(arguments) if replay else _run(arguments)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        from celerylint.frontends.terminal import abandon_stdout

        abandon_stdout()
        return CLEAN
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
            from celerylint.frontends.terminal import abandon_stdout

            abandon_stdout()
            return _fail(f"cannot write the output: {error.strerror}")
        if isinstance(error, FileNotFoundError) and not _stands_somewhere():
            return _fail("the current folder is not there any more")
        if "--verbose" in argv or "-v" in argv:  # of `arguments`, nothing is left once they are parsed
            import traceback

            traceback.print_exc()
        kind, what = type(error).__name__, " ".join(str(error).split())
        return _fail(f"internal error: {kind}: {what} (this is a bug; `--verbose` shows where)")


def _replay(arguments: list[str]) -> int:
    """Print what was printed when the same was asked, if it would be the same; else run, and keep what that prints."""
    from celerylint.replay import keep, replayed

    asked, began = tuple(arguments), time.time_ns()
    known = replayed(asked)
    if known is None:
        return _run(arguments, lambda *answer: keep(asked, began, *answer))
    status, text = known
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout.write(text)
    sys.stdout.flush()
    return status


def _run(arguments: list[str], keep: Callable[..., None] | None = None) -> int:
    import click

    from celerylint.config import UsageError
    from celerylint.frontends.terminal import accept_any_text

    accept_any_text(sys.stdout, sys.stderr)
    verbs = {
        "check": _check_command,
        "inspect": _inspect_command,
        "graph": _graph_command,
        "explain": _explain_command,
        "server": _server_command,
        "completion": _completion_command,
    }
    if wanted := os.environ.get("_CELERYLINT_COMPLETE"):
        from celerylint.frontends.completion import completions

        sys.stdout.write(completions(wanted, verbs))
        return CLEAN
    first = arguments[0] if arguments else ""
    verb = arguments.pop(0) if first in verbs else ""
    name = f"celerylint {verb}".rstrip()
    try:
        command = verbs[verb or "check"]()
        with command.make_context(name, arguments, obj=keep) as context:
            return int(command.invoke(context))
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return _fail(" ".join(error.format_message().split()))
    except UsageError as error:
        return _fail(f"{error}{_verb_meant(first, verbs)}" if str(error).endswith(f": {first}") else str(error))


def _verb_meant(word: str, verbs: Iterable[str]) -> str:
    """What is said of a path that is not there and may be a verb, misspelt."""
    from celerylint.text import did_you_mean

    if not word.isidentifier():
        return ""
    return did_you_mean(word, verbs) or f", and no verb is called so: {', '.join(verbs)}"


def _stands_somewhere() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _fail(message: str, status: int = ERROR) -> int:
    from celerylint.text import clean

    try:
        print(f"celerylint: {clean(message)}", file=sys.stderr)
    except OSError:
        pass  # the status says it, too
    return status


def _open_streams() -> None:
    """Where whoever runs this has closed a standard stream, let nothing come from it, and what goes there go nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115


# -- commands ---------------------------------------------------------------------------------------------------------


def _check_command() -> click.Command:
    import click

    from celerylint.config import option_table

    command = _command(
        _check,
        "Find the faults of a Celery project before it ships. PATHS are files or folders; by default this folder.",
        list(option_table()),
        epilog=_EPILOG,
    )
    place = next(index for index, param in enumerate(command.params) if param.name == "jobs")
    command.params[place:place] = [
        click.Option(["--diff"], is_flag=True, help="Show what --fix would change as a diff, and write nothing."),
        click.Option(
            ["--add-ignores"],
            is_flag=False,
            flag_value="",
            metavar="[=REASON]",
            help="Write a comment that silences it to each finding that remains.",
        ),
        click.Option(
            ["--write-baseline"],
            is_flag=False,
            flag_value="",
            metavar="[=FILE]",
            help="Write what is found now to a baseline, and report nothing.",
        ),
        click.Option(["--shrink-baseline"], is_flag=True, help="Take out of the baseline what is not found any more."),
        click.Option(["--no-baseline"], is_flag=True, help="Report what the configured baseline leaves out, too."),
        click.Option(
            ["--stdin-filename"],
            metavar="PATH",
            help="Where the text belongs that `-` reads from standard input; it need not be there.",
        ),
        click.Option(["--show-files"], is_flag=True, help="List the files that are reported on, and lint nothing."),
        click.Option(["--show-settings"], is_flag=True, help="Show every option as it holds, and lint nothing."),
    ]
    return command


def _inspect_command() -> click.Command:
    import click

    from celerylint.config import option_table

    options = [option for option in option_table() if option.name in _INSPECT]
    command = _command(_inspect, "Show what is understood of a Celery project.", options)
    shape = click.Option(
        ["--output-format"], type=click.Choice(["text", "json"]), default="text", help="Tables or JSON."
    )
    command.params.insert(0, shape)
    return command


def _graph_command() -> click.Command:
    import click

    from celerylint.config import option_table

    options = [option for option in option_table() if option.name in (*_INSPECT, *_CHOOSE)]
    command = _command(_graph, "Draw who sends what to whom in a Celery project, with its problems.", options)
    shape = click.Option(
        ["--output-format"],
        type=click.Choice(["mermaid", "html"]),
        default="mermaid",
        help="Mermaid, or a page of HTML that needs nothing else.",
    )
    command.params.insert(0, shape)
    return command


def _explain_command() -> click.Command:
    import click

    from celerylint.config import option_table

    color = [option for option in option_table() if option.name == "color"]
    params: list[click.Parameter] = [
        click.Argument(["rules"], nargs=-1, metavar="[CODE|PREFIX|NAME]..."),
        click.Option(["--output-format"], type=click.Choice(["text", "json"]), default="text", help="Pages or JSON."),
        *map(_flag, color),
    ]
    return click.Command(
        "explain",
        callback=_explain,
        params=params,
        help="Show the page of a rule, list the rules whose codes begin so, or list all.",
    )


def _server_command() -> click.Command:
    import click

    return click.Command(
        "server",
        callback=_server,
        params=[
            click.Option(["--stdio"], is_flag=True, help="Speak over standard input and output, as it always does.")
        ],
        help="Speak to an editor, by the Language Server Protocol. Needs celerylint[lsp].",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _completion_command() -> click.Command:
    import click

    return click.Command(
        "completion",
        callback=_completion,
        params=[click.Argument(["shell"], required=False, metavar="[bash|zsh|fish]")],
        help='Print what a shell is to run so that it completes commands: eval "$(celerylint completion bash)".',
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _command(run: Callable[..., int], help: str, options: Sequence[Option], epilog: str | None = None) -> click.Command:
    import click

    params: list[click.Parameter] = [
        *map(_flag, options),
        click.Option(["--config"], metavar="FILE", help="The configuration file, in place of the nearest one."),
        click.Option(["--isolated"], is_flag=True, help="Read no configuration file."),
        click.Option(["--quiet", "-q"], is_flag=True, help="Show findings only."),
        click.Option(["--verbose", "-v"], is_flag=True, help="Say what could not be decided, and how long it took."),
        click.Option(["--version", "-V"], is_flag=True, help="Show the version and exit."),
        click.Argument(["paths"], nargs=-1, metavar="[PATHS]..."),
    ]
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
    return click.Command("celerylint", callback=run, params=params, help=help, epilog=epilog, context_settings=settings)


def _flag(option: Option) -> click.Option:
    import click

    names = [f"--{option.key}", *([_SHORT[option.name]] if option.name in _SHORT else [])]
    if option.kind == "switch":
        if not option.key.startswith("no-"):
            names[0] += f"/--no-{option.key}"  # against what the configuration says
        return click.Option(names, is_flag=True, default=None, help=option.help)
    metavar = {"list": "LIST", "table": "PATTERN:CODES", "jobs": "N", "choice": f"[{'|'.join(option.choices)}]"}
    default = option.default if option.kind in ("choice", "jobs") else None
    more = f"  [default: {default}]" if default else ""
    if option.kind == "outputs":
        metavar["outputs"] = "FORMAT[:FILE]"
        more = f" FORMAT is one of {', '.join(option.choices)}.  [default: full; on GitHub Actions: github]"
    return click.Option(
        names,
        multiple=option.kind in ("list", "table", "outputs"),
        metavar=metavar.get(option.kind, _METAVARS.get(option.name, "TEXT")),
        help=option.help + more,
    )


def _given(flags: dict[str, Any]) -> dict[str, object]:
    """The flags that were given, as the fields of Options expect them."""
    from celerylint.config import ConfigError, option_table

    kinds = {option.name: option.kind for option in option_table()}
    given: dict[str, object] = {}
    for name, value in flags.items():
        if value is None or value == ():
            continue
        if kinds[name] == "list":
            value = _split(value)
        elif kinds[name] == "table":
            rows: dict[str, tuple[str, ...]] = {}
            for row in value:
                pattern, colon, codes = row.rpartition(":")
                if not colon:
                    raise ConfigError(f'--per-file-ignores must be "PATTERN:CODES", not "{row}"')
                rows[pattern] = (*rows.get(pattern, ()), *_split([codes]))
            value = rows
        given[name] = value
    return given


def _split(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


# -- verbs ------------------------------------------------------------------------------------------------------------


def _check(
    paths: tuple[str, ...],
    config: str | None,
    isolated: bool,
    quiet: bool,
    verbose: bool,
    version: bool,
    diff: bool,
    add_ignores: str | None,
    write_baseline: str | None,
    shrink_baseline: bool,
    no_baseline: bool,
    stdin_filename: str | None,
    show_files: bool,
    show_settings: bool,
    **flags: Any,
) -> int:
    if version:
        return main(["--version"])
    from contextlib import redirect_stdout

    import click

    from celerylint.config import UsageError, load, looked_at
    from celerylint.frontends.output import outputs, write_report
    from celerylint.frontends.stdin import relative, taken

    paths, text = taken(paths, stdin_filename)
    settings = load(paths or (".",), _given(flags), config=config, isolated=isolated)
    if no_baseline:
        settings = _without_baseline(settings)
    if show_settings or show_files:
        from celerylint.frontends.settings import files, shown

        lines = files(paths or (".",), settings) if show_files else shown(settings)
        sys.stdout.write("".join(line + "\n" for line in lines))
        return CLEAN
    if add_ignores is not None and settings.options.ignore_noqa:
        raise UsageError("--add-ignores writes comments, which --ignore-noqa passes over")
    unsaved = {relative(paths[0], settings.root): text} if text is not None else None
    chosen = outputs(settings)

    def analysed(settings: Settings) -> Report:
        def run(progress: Any) -> Report:
            from celerylint.engine import check

            return check(paths or (".",), settings.options, root=settings.root, progress=progress, overlay=unsaved)

        found: Report = _analyse(run, settings, quiet)
        return found

    if write_baseline is not None:
        from celerylint.frontends.baseline import record

        asked = any(getattr(settings.options, name) for name in settings.flags & {"fix", "fix_only", "since"})
        if diff or shrink_baseline or add_ignores is not None or asked:
            raise UsageError("--write-baseline writes down all that is found, and does nothing besides")
        record(settings, write_baseline, analysed, quiet=quiet)
        return CLEAN
    report = analysed(settings)
    least, on = CLEAN, sys.stdout
    mending = diff or settings.options.fix or settings.options.fix_only or add_ignores is not None
    if mending:
        from celerylint.frontends.mend import mend

        mended = mend(paths or (".",), settings, report, diff=diff, reason=add_ignores, quiet=quiet, unsaved=unsaved)
        if mended.report is None:
            return mended.status
        report, least = mended.report, mended.status
        if unsaved is not None:  # standard output holds the mended text
            unsaved, on = {**unsaved, **mended.unsaved}, sys.stderr
    status = max(least, _status(report, settings.options))
    with redirect_stdout(on):
        printed = write_report(report, chosen, settings, quiet=quiet, unsaved=unsaved)
    if shrink_baseline or report.baseline is not None:
        from celerylint.frontends.baseline import settle_up

        settle_up(settings, report, shrink=shrink_baseline, quiet=quiet)
    if verbose:
        from celerylint.report.full import undecided
        from celerylint.report.style import table

        sys.stderr.write(undecided(report))
        rows = [(stage, f"{seconds * 1000:,.0f} ms") for stage, seconds in report.timings]
        sys.stderr.write("".join(line + "\n" for line in table(rows, right=(1,))) if rows else "")
    elif report.kept is not None and not mending and all(output.file is None for output in chosen):
        keep = click.get_current_context().obj
        if keep is not None and settings.options.cache_dir is None:
            keep(str(settings.root), report.kept, looked_at(paths or (".",), settings), status, printed)
    return status


def _without_baseline(settings: Settings) -> Settings:
    from msgspec.structs import replace

    if "baseline" in settings.flags:
        from celerylint.config import UsageError

        raise UsageError("--baseline and --no-baseline cannot both be meant")
    return replace(settings, options=replace(settings.options, baseline=None))


def _inspect(**flags: Any) -> int:
    return _shown("inspect", **flags)


def _graph(**flags: Any) -> int:
    return _shown("graph", **flags)


def _shown(
    verb: str,
    *,
    paths: tuple[str, ...],
    config: str | None,
    isolated: bool,
    quiet: bool,
    verbose: bool,
    version: bool,
    output_format: str,
    **flags: Any,
) -> int:
    """What the function of the engine that is named like the verb finds out, in one of the verb's own formats."""
    if version:
        return main(["--version"])
    from importlib import import_module

    from celerylint.config import load
    from celerylint.frontends.output import style, write

    settings = load(paths or (".",), _given(flags), config=config, isolated=isolated)

    def run(progress: Any) -> Any:
        find_out = getattr(import_module("celerylint.engine"), verb)
        return find_out(paths or (".",), settings.options, root=settings.root, progress=progress)

    found = _analyse(run, settings, quiet)
    render = import_module(f"celerylint.report.{verb}_{output_format}").render
    file = settings.options.output_file
    write(render(found, style(settings.options, file, quiet)), file)
    return CLEAN


def _explain(rules: tuple[str, ...], output_format: str, color: str | None) -> int:
    from celerylint.config import load
    from celerylint.frontends.explain import as_json, begun, find, listing, page, render
    from celerylint.frontends.terminal import style_for
    from celerylint.rules.registry import all_rules

    options = load((), {"color": color} if color else {}).options if color else None
    known = all_rules()
    if output_format == "json":
        meant = [rule for wanted in rules for rule in begun(wanted, known) or [find(wanted, known)]]
        sys.stdout.write(as_json(meant or known))
        sys.stdout.flush()
        return CLEAN
    style = style_for(sys.stdout, options.color if options else "auto")
    pages = [
        listing(group) if (group := begun(rule, known)) else render(page(find(rule, known)), style) for rule in rules
    ]
    sys.stdout.write("\n".join(pages) if pages else listing(known))
    sys.stdout.flush()
    return CLEAN


def _server(stdio: bool) -> int:
    from celerylint.config import UsageError

    try:
        from celerylint.frontends.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError("the language server needs pygls: pip install 'celerylint[lsp]'") from error
    gc.enable()  # it goes on for hours
    serve()
    return CLEAN


def _completion(shell: str | None) -> int:
    from celerylint.frontends.completion import script

    print(script(shell))
    return CLEAN


def _analyse(run: Callable[[Any], Any], settings: Settings, quiet: bool) -> Any:
    """What `run` returns, with a bar while it takes long. An error in an option is given its place in the file."""
    from celerylint.config import ConfigError, UsageError
    from celerylint.frontends.terminal import progress_bar

    try:
        with progress_bar(sys.stderr, wanted=not quiet) as progress:
            return run(progress)
    except ConfigError as error:
        raise UsageError(settings.locate(error)) from error


def _status(report: Report, options: Options) -> int:
    from celerylint.finding import Severity

    if options.exit_zero or options.fail_on == "never":
        return CLEAN
    threshold = Severity(options.fail_on).rank
    return FAULTS if any(finding.severity.rank >= threshold for finding in report.findings) else CLEAN
