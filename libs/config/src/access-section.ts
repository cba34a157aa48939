import * as z from 'zod';
import type { AccessLines, AccessOverrides } from '#libs/cluster';
import { DomainError } from '#libs/kernel';
import { checkHbaLine, checkIdentLine } from '#libs/postgres-model';
import { byRole, resolveByRole } from './by-role.ts';
import { field } from './field.ts';
import type { Resolution } from './resolve.ts';

const lines = z.array(z.string().min(1)).max(1_000);
const HBA_RULE = 'a list of lines of pg_hba.conf';
const IDENT_RULE = 'a list of lines of pg_ident.conf';

function accessKeys(hba: string, example: string) {
  return {
    pgHba: field(lines.default([]), { about: hba, rule: HBA_RULE, example: [example] }),
    pgIdent: field(lines.default([]), {
      about: 'Lines of pg_ident.conf: map, system user, database user.',
      rule: IDENT_RULE,
      example: [],
    }),
  };
}

/** Of the whole cluster. */
export const commonAccessKeys = accessKeys(
  'Lines of pg_hba.conf, after those that the agents need.',
  'host all all 10.0.0.0/8 scram-sha-256',
);

const special = z.strictObject(
  accessKeys('Lines of pg_hba.conf.', 'host all reports 10.0.0.0/8 reject'),
);

export const accessOverridesSection = byRole(special, {
  rule: `a mapping with pgHba (${HBA_RULE}) and pgIdent (${IDENT_RULE})`,
  primary: {},
  standby: {},
  instance: { pgHba: ['host app tests 10.9.0.0/16 scram-sha-256'] },
});

type RawLines = { pgHba: string[]; pgIdent: string[] };

/** PostgreSQL ignores a whole file for one line that it does not understand: none may get there. */
export function resolveAccess(
  { pgHba, pgIdent }: RawLines,
  path: readonly string[],
  resolution: Resolution,
): AccessLines {
  checkLines([...path, 'pgHba'], pgHba, checkHbaLine, resolution);
  checkLines([...path, 'pgIdent'], pgIdent, checkIdentLine, resolution);
  return { pgHba, pgIdent };
}

export function resolveAccessOverrides(
  raw: z.output<typeof accessOverridesSection>,
  resolution: Resolution,
): AccessOverrides {
  return resolveByRole(raw, 'accessOverrides', (own, path) =>
    resolveAccess(own ?? { pgHba: [], pgIdent: [] }, path, resolution),
  );
}

function checkLines(
  path: readonly string[],
  of: readonly string[],
  check: (line: string) => void,
  resolution: Resolution,
): void {
  for (const [index, line] of of.entries()) {
    try {
      check(line);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      resolution.refuse([...path, index], `${path.join('.')}[${index + 1}]: ${error.message}`);
    }
  }
}
