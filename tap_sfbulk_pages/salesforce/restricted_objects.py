"""Objects that a plain query cannot read, which a run over everything therefore skips.

They are in the catalog, but not selected by default. The lists only reduce noise: such objects
differ from org to org and grow with each release, and what Salesforce refuses is reported for each
stream anyway. Sources: refusals met by live clients (INVALIDENTITY, INVALID_TYPE_FOR_OPERATION,
MALFORMED_QUERY "Implementation restriction", EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Refused only by the Bulk API: `fallback_to_rest` reads them.
_NOT_IN_BULK = """
AcceptedEventRelation CaseStatus ContractStatus DeclinedEventRelation EventWhoRelation
FieldSecurityClassification OrderStatus PartnerRole RecentlyViewed ServiceAppointmentStatus
ShiftStatus SolutionStatus TaskPriority TaskStatus TaskWhoRelation UndecidedEventRelation
WorkOrderLineItemStatus WorkOrderStatus WorkStepStatus
"""

_NEED_A_FILTER = """
Announcement ApexTypeImplementor AppTabMember CollaborationGroupRecord ColorDefinition
ContentDocumentLink ContentFolderItem ContentFolderMember DataStatistics DatacloudAddress
DatacloudDandBCompany EntityParticle FieldDefinition FieldHistoryArchive FlexQueueItem
FlowTestView FlowVariableView FlowVersionView IconDefinition IdeaComment
NetworkUserHistoryRecent OwnerChangeOptionInfo PicklistValueInfo PlatformAction
RecordActionHistory RelatedListColumnDefinition RelatedListDefinition RelationshipDomain
RelationshipInfo SearchLayout SiteDetail UserEntityAccess UserFieldAccess Vote
"""

_NOT_QUERIED = """
ActivityHistory AggregateResult AssetTokenEvent AttachedContentDocument AttachedContentNote
CombinedAttachment ContentBody DataType EmailStatus FeedLike FeedSignal FeedTrackedChange
FolderedContentDocument ListViewChartInstance LookedUpFromActivity Name NoteAndAttachment
OpenActivity OutgoingEmail OutgoingEmailRelation OwnedContentDocument ProcessInstanceHistory
QuoteTemplateRichTextData UserRecordAccess
"""

_THROUGH_REST = frozenset(_NOT_IN_BULK.lower().split())
_WITH_A_FILTER = frozenset(_NEED_A_FILTER.lower().split())
_NOT_AT_ALL = frozenset(_NOT_QUERIED.lower().split())


def is_refused_by_bulk(sobject: str) -> bool:
    """Return whether live clients have seen the Bulk API refuse an object."""
    return sobject.lower() in _THROUGH_REST


def find_obstacle(sobject: str, *, filters: Mapping[str, str], through_rest: bool) -> str | None:
    """Return why a run over everything should skip an object, and what to do about it.

    Args:
        sobject: Its name, in any case.
        filters: The `filters` setting, by object; keys ignore case.
        through_rest: Whether it may be read through the REST API.

    Returns:
        A clause; None if the run should read it.
    """
    name = sobject.lower()
    if is_refused_by_bulk(name) and not through_rest:
        return "the Bulk API does not read it; set fallback_to_rest to true"
    if name in _WITH_A_FILTER and sobject not in filters:
        return "it can be read only with a condition; add one to filters"
    if name in _NOT_AT_ALL:
        return "no query can read it; remove it from objects"
    return None
