import type { CatalogEntry } from '#libs/postgres-model';
import { RowReader } from './observation-row.ts';
import type { SqlSession } from './sql-session.ts';

const CATALOG_SQL = `
SELECT name, vartype, unit, context, min_val::float8 AS min, max_val::float8 AS max,
  to_jsonb(enumvals) AS choices
FROM pg_settings ORDER BY name`;

/** Every setting that this PostgreSQL knows, those of loaded extensions too, with what it takes. */
export async function readParameterCatalog(session: SqlSession): Promise<CatalogEntry[]> {
  const rows = await session.query(CATALOG_SQL);
  return rows.map((row) => entryOf(new RowReader(row)));
}

function entryOf(row: RowReader): CatalogEntry {
  return {
    name: row.text('name'),
    type: row.text('vartype') as CatalogEntry['type'],
    unit: row.optionalText('unit') ?? null,
    min: row.optionalNumber('min') ?? null,
    max: row.optionalNumber('max') ?? null,
    choices: row.optionalTexts('choices') ?? null,
    context: row.text('context'),
  };
}
