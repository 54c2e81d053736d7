{#
  PostgreSQL takes names without quotes in lower case, and the models of packages have no quotes. So this makes
  a view of each landed table, in another schema, whose columns are in lower case. DuckDB needs none.
#}
{% macro name_in_lower_case(landed, named) %}
  {% if execute and target.type == 'postgres' and flags.WHICH in ['build', 'run'] %}
    {% set tables %}
      select
        format('%I', table_name),
        string_agg(format('%I as %I', column_name, lower(column_name)), ', ' order by ordinal_position)
      from information_schema.columns
      where table_schema = '{{ landed }}' and table_name not like '\_sfbulk%'
      group by table_name
    {% endset %}
    {% do run_query('create schema if not exists ' ~ named) %}
    {% for table, columns in run_query(tables).rows %}
      {% do run_query('create or replace view ' ~ named ~ '.' ~ table ~ ' as select ' ~ columns ~ ' from ' ~ landed ~ '.' ~ table) %}
    {% endfor %}
  {% endif %}
{% endmacro %}
