-- The industries with the biggest pipelines. The quotes make PostgreSQL keep Salesforce's spelling.
SELECT
  account."Industry" AS industry,
  count(*) AS opportunities,
  CAST(sum(opportunity."Amount") AS decimal(18, 2)) AS amount
FROM salesforce."Opportunity" AS opportunity
JOIN salesforce."Account" AS account ON account."Id" = opportunity."AccountId"
WHERE NOT opportunity."IsDeleted" AND NOT account."IsDeleted" AND opportunity."Amount" IS NOT NULL
GROUP BY account."Industry"
ORDER BY amount DESC
LIMIT 5;
