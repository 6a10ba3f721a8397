"""The command ``optimoe``: parse, call one function, print. Commands load when they are called."""

import errno
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO
from itertools import pairwise

from cyclopts import App, CycloptsError
from cyclopts.exceptions import MissingArgumentError

from optimoe import __version__
from optimoe.app.cli.options import fill_from_file
from optimoe.app.streams import drop_output, is_of_output, prepare_streams
from optimoe.core.errors import OptimoeError, UnknownNameError, shown
from optimoe.core.provenance import COMMAND

BAD_INPUT = 2
INTERRUPTED = 130
HELP = frozenset({"help", "--help", "-h"})

app = App(
    name="optimoe",
    help="Which Mixture-of-Experts model to train for a budget and a traffic, and what it costs to serve.",
    version=__version__,
    version_flags=["--version", "-V"],
    exit_on_error=False,
    print_error=False,
    help_format="plaintext",
    result_action="return_value",
    config=fill_from_file,
)
app.command("optimoe.app.cli.planning.plan:plan", help="Find the model to train, for a budget and a traffic.")
app.command("optimoe.app.cli.arch:arch", help="Count a model: parameters, FLOPs, bytes.")
app.command(
    "optimoe.app.cli.serving.cost:app", name="cost", help="Serve a model: latency, throughput, price, best layout."
)
app.command(
    "optimoe.app.cli.serving.compare:compare", help="Models side by side, with the dense model each is equal to."
)
app.command("optimoe.app.cli.training.train:train", help="Train the runs of a file: text to weights and a record.")
app.command("optimoe.app.cli.measure:measure", help="Load an OpenAI-compatible endpoint and time its answers.")
app.command("optimoe.app.cli.sweeps.sweep:app", name="sweep", help="Train the runs of a grid, all at once.")
app.command("optimoe.app.cli.training.data:app", name="data", help="Text to train on, tokenised once.")
app.command("optimoe.app.cli.training.hardware:app", name="hardware", help="This machine, measured.")
app.command("optimoe.app.cli.planning.reproduce:reproduce", help="Numbers of a published text, derived again.")

laws = App(name="laws", help="The law library: published laws, fits of your own, comparisons.")
laws.command("optimoe.app.cli.laws.library:list_laws", name="list", help="Every law with its status and source.")
laws.command(
    "optimoe.app.cli.laws.library:show_law", name="show", help="One law: coefficients, units, range, outputs."
)
laws.command("optimoe.app.cli.laws.library:predict", help="Evaluate a law in its own variables.")
laws.command("optimoe.app.cli.laws.library:along", help="A law along one of its variables, with its band.")
laws.command("optimoe.app.cli.laws.fit:fit", help="A law from a table of runs, with verdict and intervals.")
laws.command("optimoe.app.cli.laws.corpora:anchor", help="A law on the level of your own runs, from one upwards.")
laws.command("optimoe.app.cli.laws.isoflop:isoflop", help="Best size at each budget, by parabolas and laws.")
laws.command(
    "optimoe.app.cli.laws.isoflop:ratio", help="Best ratio of expert to attention FLOPs, from runs, and its law."
)
laws.command("optimoe.app.cli.laws.frontier:frontier", help="Best size and tokens at each budget, by laws.")
laws.command(
    "optimoe.app.cli.laws.families:compare_families", help="Families of laws by their error on runs not seen."
)
laws.command(
    "optimoe.app.cli.laws.families:back_test", help="Laws by their error on runs that they have not seen."
)
laws.command("optimoe.app.cli.laws.next_runs:next_runs", help="Runs that tell most about a law for their cost.")
laws.command("optimoe.app.cli.laws.curve:curve", help="Training curves beside a law.")
laws.command("optimoe.app.cli.laws.compare:compare", help="One design under every law that covers it.")
laws.command("optimoe.app.cli.laws.compare:decide", help="What each law would decide at a training budget.")
laws.command("optimoe.app.cli.laws.library:check", help="Run a file of [[check]] rows through the library.")
app.command(laws)
app.command(
    "optimoe.app.cli.predictions:app", name="predictions", help="Predictions written down before their outcome."
)
app.command("optimoe.app.cli.training.export:export", help="A trained model for transformers and engines.")
app.command("optimoe.app.cli.training.sample:sample", help="Text that a trained model goes on with.")
app.command("optimoe.app.cli.training.serve:serve", help="A trained model behind an engine, until Ctrl-C.")
app.command("optimoe.app.cli.web:web", help="What this command line answers, over HTTP.")
app.register_install_completion_command(
    help="Complete words and options with Tab in bash, zsh, fish or PowerShell."
)


@app.command(name="help")
def show_help(*command: str) -> None:
    """What a command does and its options, as of cost fleet: optimoe help cost fleet.

    Raises:
        UnknownNameError: No such command; lists the nearest.
    """
    _, path, unknown = app.parse_commands(command)
    if unknown:
        raise UnknownNameError("command", unknown[0], [name for name in path[-1] if not name.startswith("-")])
    app.help_print(command)


def main(words: Sequence[str] | None = None) -> None:
    """Run a command; an expected failure is one line on standard error and its exit code.

    Args:
        words: The command and its options; those of the process if left out.
    """
    words = sys.argv[1:] if words is None else words
    typed = COMMAND.set(shlex.join(["optimoe", *words]))
    try:
        prepare_streams()
        if sys.stdout.isatty() or not (
            HELP.intersection(words) or len(words) <= 1
        ):  # a group alone shows its help
            app(words)
        else:
            _without_blanks(words)
        sys.stdout.flush()
    except CycloptsError as error:
        fail(apart(words) or negative(words) or usage_error(error), BAD_INPUT)
    except OptimoeError as error:
        meant = apart(words) if error.exit_code == BAD_INPUT else ""
        fail(meant or str(error), error.exit_code)
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # whoever looks whether a path is there finds that it cannot be
            fail(f"{error.filename}: cannot be ({error.strerror})", BAD_INPUT)
        if not is_of_output(error):  # a bug
            raise
        drop_output()
        if not isinstance(error, BrokenPipeError):  # else the reader has gone: nobody is left to tell
            fail(f"standard output: cannot be written ({error.strerror})", BAD_INPUT)
    finally:
        COMMAND.reset(typed)


def _without_blanks(words: Sequence[str]) -> None:
    """Run a command that shows its help, and cut the blanks with which its lines fill a screen."""
    with redirect_stdout(StringIO()) as page:
        app(words)
    print("\n".join(line.rstrip() for line in page.getvalue().splitlines()))


def usage_error(error: CycloptsError) -> str:
    """What is wrong with the words, in one line; of a group of options, the one that is missing."""
    group = error.argument if isinstance(error, MissingArgumentError) else None
    missing = [option for option in group.children if option.required and not option.tokens] if group else []
    if missing:
        error.argument = missing[0]
    return " ".join(str(error).split())


UNIT = re.compile(r"[KMBGTP]|[KMGT]?i?B|[mnuµμ]?s|min|h", re.IGNORECASE)
"""A unit that stands alone, as after a number with a blank before it."""


def apart(words: Sequence[str]) -> str:
    """Say that a number and its unit are two words, where there are such; empty else."""
    for number, unit in pairwise(words):
        if re.fullmatch(r"[\d.]+(e\d+)?", number) and UNIT.fullmatch(unit):
            return f"a number and its unit must be one word, {number}{unit}, got {number} {unit}"
    return ""


def negative(words: Sequence[str]) -> str:
    """Say that an option has a negative quantity, which reads like another option; empty where none has."""
    for option, value in pairwise(words):
        if option.startswith("--") and re.match(r"-[\d.]", value):
            return f"{option}: must not be negative, got {value}"
    return ""


MOST_SAID = 400
"""Characters of a line that says what is wrong: two lines of a wide screen, beyond the longest of ours."""


def _both_ends(message: str) -> str:
    """A line with what it is about and what is wrong, without the middle where it is too long."""
    half = MOST_SAID // 2
    middle = f"{message[: half - 1]} … {message[2 - half :]}" if len(message) > MOST_SAID else message
    return shown(middle, MOST_SAID)


def fail(message: str, exit_code: int) -> None:
    """Say one line and leave; a line that quotes a long value is cut."""
    with suppress(OSError):  # a full disk that standard error goes to
        print(f"optimoe: {_both_ends(message)}", file=sys.stderr, flush=True)
    raise SystemExit(exit_code)
