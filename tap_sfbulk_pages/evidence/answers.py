"""What no public document says about query jobs, answered as far as one org can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.evidence.interview import find_links
from tap_sfbulk_pages.evidence.shapes import body_shape, csv_shape, record_count
from tap_sfbulk_pages.salesforce.addresses import locator_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.evidence.interview import Observation

_TWO = 2
_NOT_ASKED = "not asked"
_UNKNOWN = "unknown: "
_TOO_SOON = f"{_UNKNOWN}the job was complete before the question came"


def is_answered(answer: str) -> bool:
    """Return whether an answer says more than that there is none."""
    return answer != _NOT_ASKED and not answer.startswith(_UNKNOWN)


def answer_questions(seen: Mapping[str, Observation]) -> dict[str, str]:
    """Answer the open questions from what an org answered.

    Args:
        seen: By name, as `Interview.hold` returns them.

    Returns:
        Answers by question; neither holds anything of the org.
    """
    return {
        "What do the result pages of an unfinished job answer?": _unfinished(seen, "result pages"),
        "What do the results of an unfinished job answer?": _unfinished(seen, "results"),
        "What does a call with another version than the job's answer?": _refusal(
            seen, "job: another version"
        ),
        "What does a wrong locator answer?": _refusal(seen, "results: wrong locator"),
        "What does a wrong locator of the list answer?": _refusal(
            seen, "result pages: wrong locator"
        ),
        "Are result pages offered for a finished job?": _offered(seen),
        "What does maxRecords do to a result link?": _max_records(seen, "result page"),
        "What does maxRecords do to the results?": _max_records(seen, "results"),
        "How many links has a job of one page?": _number_of_links(seen, "result pages"),
        "How many links has an empty job?": _number_of_links(seen, "empty job: result pages"),
        "Does the first link lead to what the results begin with?": _same_page(seen),
        "Does lineEnding change line ends inside values?": _line_endings(seen),
        "What is the Content-Type of a page?": _content_type(seen),
        "Are column names spelt as asked?": _header_line(seen),
        "How many links has the first list of a large job?": _number_of_links(
            seen, "large job: result pages"
        ),
        "About how many records has a page of a large job?": _page_size(seen),
        "Does the second link of a large job lead to where the results go on?": _same_order(seen),
    }


def _unfinished(seen: Mapping[str, Observation], what: str) -> str:
    observation = seen.get(f"unfinished job: {what}")
    if observation is None:
        return _NOT_ASKED
    reply = observation.reply
    if reply.is_success and reply.body:
        return _TOO_SOON
    return _describe(observation)


def _refusal(seen: Mapping[str, Observation], name: str) -> str:
    return _describe(seen[name]) if name in seen else _NOT_ASKED


def _describe(observation: Observation) -> str:
    reply = observation.reply
    body: Any = body_shape(reply, observation.columns)
    if isinstance(body, list) and body and isinstance(body[0], dict):
        body = ": ".join(str(body[0][key]) for key in ("errorCode", "message") if key in body[0])
    return f"{reply.status}, {body if isinstance(body, str) else 'a document'}"


def _offered(seen: Mapping[str, Observation]) -> str:
    if "result pages" not in seen:
        return _NOT_ASKED
    return (
        "yes" if seen["result pages"].reply.is_success else f"no: {_describe(seen['result pages'])}"
    )


def _max_records(seen: Mapping[str, Observation], name: str) -> str:
    whole, cut = seen.get(name), seen.get(f"{name} with maxRecords=1")
    if whole is None or cut is None:
        return _NOT_ASKED
    if not cut.reply.is_success:
        return f"it is refused: {_describe(cut)}"
    before, after = record_count(whole.reply.body), record_count(cut.reply.body)
    if before <= 1:
        return f"{_UNKNOWN}the page has one record at most"
    if after == before:
        return "nothing"
    more = cut.reply.headers.get("Sforce-Locator", "absent")
    return f"{after} record comes; Sforce-Locator is {'null' if more == 'null' else 'a locator'}"


def _number_of_links(seen: Mapping[str, Observation], name: str) -> str:
    if name not in seen:
        return _NOT_ASKED
    reply = seen[name].reply
    if not reply.is_success:
        return f"none: {_describe(seen[name])}"
    lists = [each for each in (reply.json or {}).values() if isinstance(each, list)]
    return str(len(lists[0])) if lists else f"{_UNKNOWN}the reply holds no list"


def _same_page(seen: Mapping[str, Observation]) -> str:
    if "result page" not in seen or "results" not in seen:
        return _NOT_ASKED
    page, results = seen["result page"].reply.body, seen["results"].reply.body
    return "yes" if page == results else "no"


def _line_endings(seen: Mapping[str, Observation]) -> str:
    plain, other = seen.get("results"), seen.get("job with CRLF: results")
    if plain is None or other is None:
        return _NOT_ASKED
    key = "line ends inside values"
    inside = [csv_shape(each.reply.body, each.columns)[key] for each in (plain, other)]
    ends = [csv_shape(each.reply.body, each.columns)["line ends"] for each in (plain, other)]
    if inside[0] == inside[1] == "none":
        return f"{_UNKNOWN}no value has several lines"
    return f"lines end with {ends[0]} and {ends[1]}, values hold {inside[0]} and {inside[1]}"


def _content_type(seen: Mapping[str, Observation]) -> str:
    if "results" not in seen:
        return _NOT_ASKED
    return str(seen["results"].shape()["headers"].get("Content-Type", "absent"))


def _header_line(seen: Mapping[str, Observation]) -> str:
    if "results" not in seen:
        return _NOT_ASKED
    observation = seen["results"]
    return str(csv_shape(observation.reply.body, observation.columns)["header"])


def _page_size(seen: Mapping[str, Observation]) -> str:
    """Say how many records a page holds, rounded; nothing of a job that has only one."""
    links = _links_of_large_job(seen)
    if len(links) < _TWO or "large job: result page" not in seen:
        return _NOT_ASKED
    count = seen["large job: result page"].reply.headers.get("Sforce-NumberOfRecords", "")
    if not count.isdigit():
        return f"{_UNKNOWN}Sforce-NumberOfRecords is no number"
    return f"{float(f'{int(count):.1g}'):,.0f}"


def _same_order(seen: Mapping[str, Observation]) -> str:
    links = _links_of_large_job(seen)
    if len(links) < _TWO or "large job: results" not in seen:
        return _NOT_ASKED
    following = seen["large job: results"].reply.headers.get("Sforce-Locator")
    return "yes" if following == locator_of(links[1]) else "no, or pages differ in size"


def _links_of_large_job(seen: Mapping[str, Observation]) -> Sequence[str]:
    listed = seen.get("large job: result pages")
    return find_links(listed.reply) if listed else ()
