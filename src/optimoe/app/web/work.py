"""One question answered in a process of its own, which may be ended when it takes too long."""

import json
from typing import Any

from optimoe.app.notes import heard
from optimoe.app.web.questions import QUESTIONS, REPORTS, switched
from optimoe.core.errors import InputError, OptimoeError, shown
from optimoe.core.files.shut import files_shut
from optimoe.core.records import to_json

STATUS = {2: 400, 3: 422}
"""HTTP status of an expected failure, by the exit code of the command."""


def answered(name: str, body: bytes) -> tuple[int, str]:
    """Status and text of the answer to a question.

    The record of the command as JSON, with ``notes``, the lines that it would say beside it, and where they are
    asked for ``words``, what it prints, and ``law_file``, the law that it is; the page of a report. Of a failure
    ``error``, the line that the command ends with. Anything else that is raised is a bug, and raised by the server
    too.

    Args:
        name: Of a question, or of a report.
        body: A JSON object of options; empty for none.
    """
    from optimoe.report.records.schema import document
    from optimoe.report.words.lines import blocks_record

    try:
        table = _table(body)
        with files_shut(), heard() as notes:
            question = QUESTIONS[REPORTS.get(name, name)]
            reply = question.answered(table)
            if name in REPORTS and reply.page is not None:
                return 200, reply.page()
            answer = document(reply.record())
            asked = [one for one in question.additions if switched(table, one)]
            if "words" in asked:
                answer["words"] = blocks_record(reply.blocks())
            if "law_file" in asked and reply.law_file is not None:
                answer["law_file"] = reply.law_file()
        return 200, to_json(answer | {"notes": notes}, indent=None)
    except OptimoeError as error:
        return STATUS[error.exit_code], told(str(error))


def told(line: str) -> str:
    """The JSON of a failure."""
    return json.dumps({"error": line}, ensure_ascii=False)


def _table(body: bytes) -> dict[str, Any]:
    """The options of a body.

    Raises:
        InputError: It is no JSON object of finite numbers and text.
    """
    try:
        table = json.loads(body, parse_constant=_refuse) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"body: must be a JSON object of options ({shown(str(error), 100)})") from None
    if not isinstance(table, dict):
        raise InputError(f"body: must be a JSON object of options, got {type(table).__name__}")
    return table


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
