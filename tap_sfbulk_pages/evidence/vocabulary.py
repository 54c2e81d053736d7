"""The words that may appear in evidence. Every other word of an org's reply is replaced.

A list of what is allowed, not of what is forbidden: names, ids, hosts and values need not be
recognised to be left out. It holds what Salesforce's documentation and public recordings use in
JSON keys, header names, links and error messages, and common English words.
"""

from __future__ import annotations

import re

_WORDS = """
__c a abort aborted aborting about accept acceptable access account accounts across action actions
activate activateable active add added additional address after age aggregatable aggregate ai alive
all allow allowed allows already also alt always an and any apex api app append application apply
appropriate approval archived are aren't array as asked associate async at attempt attempting
attempts authorization auto automatic autonumber available away b3 bad base batch batches be because
been before beginning being between binary blocked body boolean both br browser bulk but by byte
bytes c cache calculated call calls can can't cannot cascade case cause caused change changed
changes character characters charset child chrome chunk chunked chunking chunks class classic client
cloneable close cloud code column columns combobox compact complete completed compound concurrency
concurrent condition conditions conflict connected connection contact contain contains content
content-security control controlled controller cookie cookies coop corp could count country create
createable created creation crlf cross csp csv ct currency current custom daily dashboard dashboards
data date datetime day days deep default defaulted deflate deletable delete deleted deletes
delimiter denied deny dependent deprecated describe description detail details did didn't different
digits directive disabled display distance do document does doesn't don't done double down due
duplicate duration each edge edition either element email embedder empty enable enabled encoding
encountered encrypted end ending enforced ent entity enum environment envoy eof epoch equal error
errors etag event exceed exceeded except exception exist existing exists expect expected expecting
expired expires extends external extra failed failure false feature feed field fields file files
filter filterable filtered filteredlookupinfo find finish finished first float follow following for
forbidden form format formula found frame frame-options from full general get given global gone got
group groupable grouping groups gzip half handle has hasn't hasubtypes have header headers hidden
high history host hour hours hsts html htmlformatted http https id identifier identity idle idlookup
ids if image implementation implemented implementedby implements important in inactive inclusion
inclusive incorrect indexed info information infos ingest inline inner inprogress input insecure
insert inserted insufficient integer integrations interface interfaces internal invalid invalidated
invalidentity invalidjob invalidjobstate invalidversion is isn isn't iso issue it item items its job
jobcomplete jobs jobtype join json just keep key keys kilobytes label language large last
last-modified later layout layoutable layouts least left len length less level lf like limit
limitinfo limits line lines link links list lists listviewable live load loading locale located
location locator locators lock long longer lookup low made make malformed mask masked mass master
match max maximum may media memory merge mergeable message messages metadata method min minimum
minute minutes missing mode model modified modstamp more most mru multi multiple must mutual name
named names namespace near necessary need needed needs nel nesting network never new next nginx
nillable no nonce none nosniff not notfound null number numbers object objects of offset ok old omit
on once one only open opener operation operations operator option options or order org organization
origin other our out outcome over overrides own owner package page pages pagination parallel
parameter parameters parent parse parsed parser parsing part partial path pending per percent
percentage perform permission permissionable permissions permitted picklist pk plain please plural
pointer policies policy polymorphic post powered pragma precision prediction prefilterable prefix
present previous primary problem process processed processing profile progress prohibited properties
property protocol provided public queried queries query queryable querylocator queue queued quick
quote range ranges rate reach reached reaches read reads ready reason receive received record
records reference referenced referrer refresh refreshes region reified related relation relations
relationship relationships release released remaining remove removed replicate replicateable report
report-to reports request requested requestid requests require required requires reset resource
resources response restrict restricted restricteddelete restriction result resultpages results
retried retries retrieve retrieveable retrieved retry return returned returns revalidate review
right rights robots root row rows run running s same sandbox scale schema scope scopes search
searchable searchlayoutable second seconds section security see select selected selecting self
semicolon send sent sequence server service services session set sets setting settings setup sfdc
sforce short should show signature similar since single site size sms sniff so soap soaptype sobject
sobjects soql sort sortable sorted source space span spec specific specified standard start state
status statuses still stopped storage store stored strict string subquery subscription subset
subtype subtypes success successful such suffix supplied supported supports sure syntax system tab
table tabs tag target template text than that the their them then there these they this those
through time timed timeout times timestamp to token tokens too total trace traceid tracking
transaction transfer transport trigger triggerable true trusted try trying two type types unable
unauthorized undeletable undelete under unexpected unfinished unique unknown unsupported until
update updateable updated upgrade upload uploadcomplete uri url urls usage use used user users using
utc utf valid value values vary verify version versions via view visible wait warning was wasn't way
we web week were what when where whether which while who why will with within without won't word
write wrong wsdl x xml xsrf xss year you your zone
"""
_OF_OUR_CALLS = """
account billing billingaddress user id isactive createddate street count from where nofield noobject
"""
KNOWN = frozenset({*_WORDS.split(), *_OF_OUR_CALLS.split()})

_DIGITS = frozenset("0123456789")

WORD = "<word>"
_LONGEST_MESSAGE = 600
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^A-Za-z]+")
_REPEATED = re.compile(rf"{WORD}(?:[^\w<]*{WORD})+")


def is_known(name: str) -> bool:
    """Return whether a name such as `isPkChunkingSupported` has only known words."""
    return name.lower() in KNOWN or all(
        part.lower() in KNOWN or part in _DIGITS for part in _PARTS.findall(name)
    )


def mask_name(name: str) -> str:
    """Return a JSON key, a header's name or the like; one with an unknown word as `<word>`."""
    parts = re.split(r"([-_])", name)
    return name if all(part in "-_" or is_known(part) for part in parts) and name else WORD


def mask_message(text: str) -> str:
    """Replace each unknown word of a message, and each number."""

    def mask(match: re.Match[str]) -> str:
        token = match[0]
        if token.isascii() and token.isdigit():
            return "<number>"
        return token if token.lower() in KNOWN else WORD

    masked = _TOKEN.sub(mask, text[:_LONGEST_MESSAGE])
    masked = "".join(each if each.isascii() else "?" for each in masked)
    return _REPEATED.sub(WORD, " ".join(masked.split()))
