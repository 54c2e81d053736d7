"""A state that was written for one org is not used with another."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state.origin import find_foreign, saved_org

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_sfbulk_pages.org import Org

# Of the streams that an error names.
_MOST_NAMES = 10

logger = logging.getLogger(__name__)


def refuse_foreign_states(
    org: Org,
    states: Mapping[str, Mapping[str, Any]],
    *,
    read: Collection[str],
    what: str,
    way_out: str,
) -> None:
    """See that a state is of the org that is read, before anything is read.

    A bookmark of another org would hide every record of this one that changed before it. The org is
    signed in to only where the state names one; a state that names none is of an earlier release.

    Args:
        org: The org.
        states: The state of each stream.
        read: The streams that are read.
        what: What the state is, for the error.
        way_out: What the user can do, for the error.

    Raises:
        StateError: If it is of another org.
        ExtractionError: If the org cannot be asked.
    """
    if all(saved_org(state) is None for state in states.values()):
        return
    org_id = org.find_id()
    if org_id is None:
        logger.warning(
            "%s names the org that it is of, but neither the sign-in nor the org itself says which "
            "org this is. If it is another one, records are left out.",
            what,
        )
        return
    foreign = find_foreign(states, org_id, read=read)
    if foreign:
        ids = " and ".join(sorted(set(foreign.values())))
        names = sorted(foreign)
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        raise StateError(
            f"{what} is of another org: of {ids} ({', '.join(names[:_MOST_NAMES])}{more}), and the "
            f"sign-in leads to {org_id} at {org.client.open_session().address.origin}. Its "
            f"bookmarks would leave out records of this org, so nothing is read. {way_out}"
        )
