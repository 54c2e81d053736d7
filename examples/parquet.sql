-- The files of `parquet.sh` as tables. A record that was read again is in several files: the
-- newest counts.
CREATE SCHEMA salesforce;

CREATE VIEW salesforce."Account" AS
SELECT * FROM read_parquet('parquet/Account-*.parquet', union_by_name = true)
QUALIFY row_number() OVER (PARTITION BY "Id" ORDER BY "SystemModstamp" DESC) = 1;

CREATE VIEW salesforce."Opportunity" AS
SELECT * FROM read_parquet('parquet/Opportunity-*.parquet', union_by_name = true)
QUALIFY row_number() OVER (PARTITION BY "Id" ORDER BY "SystemModstamp" DESC) = 1;
