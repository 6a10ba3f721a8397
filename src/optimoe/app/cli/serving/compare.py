"""``optimoe compare``: models beside each other."""

from optimoe.app.cli.options import JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import show_blocks, write_page
from optimoe.app.replies import comparing
from optimoe.inputs.models import CompareRequest


def compare(
    request: CompareRequest = CompareRequest(),  # noqa: B008 (frozen)
    *,
    page: PageFile = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Models side by side, each with the dense model that it is equal to in every regime.

    Twice: by the rules of thumb of Epoch AI, and by the full cost model on the given GPUs; with what each puts it
    together from.
    """
    reply = comparing.compare(request)
    write_page(reply, page)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)
