"""Objects that no plain query reads, so that a run over everything leaves them alone.

They are in the catalog, but not selected by default. The lists spare noise, no more: they differ
from org to org and grow with each release, and what Salesforce refuses is reported for each
stream anyway. Sources: refusals met by live clients (INVALIDENTITY, INVALID_TYPE_FOR_OPERATION,
MALFORMED_QUERY "Implementation restriction", EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Refused by the Bulk API alone: with `fallback_to_rest` they are read.
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

_THROUGH_REST = frozenset(_NOT_IN_BULK.split())
_WITH_A_FILTER = frozenset(_NEED_A_FILTER.split())
_NOT_AT_ALL = frozenset(_NOT_QUERIED.split())


def is_read_by_default(sobject: str, *, filters: Mapping[str, str], through_rest: bool) -> bool:
    """Tell whether a run over everything should read an object.

    Args:
        sobject: Its name.
        filters: The `filters` setting, by object.
        through_rest: Whether it may be read through the REST API.
    """
    if sobject in _THROUGH_REST:
        return through_rest
    if sobject in _WITH_A_FILTER:
        return sobject in filters
    return sobject not in _NOT_AT_ALL
