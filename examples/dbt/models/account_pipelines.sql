-- The quotes keep Salesforce's spelling, which PostgreSQL would fold to lower case.
select
    account."Id" as account_id,
    account."Name" as account_name,
    count(opportunity."Id") as opportunities,
    sum(opportunity."Amount") as amount
from {{ source('landed', 'Account') }} as account
left join {{ source('landed', 'Opportunity') }} as opportunity
    on opportunity."AccountId" = account."Id" and not opportunity."IsDeleted"
where not account."IsDeleted"
group by account."Id", account."Name"
