import {
  type AccessLines,
  NO_ACCESS_OVERRIDES,
  type PostgresDefinition,
  type RuleRefusal,
} from '#libs/cluster';
import { DomainError, type InstanceName, instanceName } from '#libs/kernel';
import { checkHbaLine, checkIdentLine } from '#libs/postgres-model';

type Access = Pick<PostgresDefinition, 'pgHba' | 'pgIdent' | 'accessOverrides'>;

/** Lines for which PostgreSQL would ignore a whole file. */
export function accessRefusals({ pgHba, pgIdent = [], accessOverrides }: Access): RuleRefusal[] {
  const { primary, standby, instances } = accessOverrides ?? NO_ACCESS_OVERRIDES;
  return [
    ...[{ pgHba, pgIdent }, primary, standby].flatMap((lines) => linesOf(lines, null)),
    ...Object.entries(instances).flatMap(([name, lines]) => linesOf(lines, instanceName(name))),
  ];
}

function linesOf({ pgHba, pgIdent }: AccessLines, instance: InstanceName | null): RuleRefusal[] {
  return [
    ...pgHba.flatMap((line) => lineRefusal('pg-hba', line, instance, checkHbaLine)),
    ...pgIdent.flatMap((line) => lineRefusal('pg-ident', line, instance, checkIdentLine)),
  ];
}

function lineRefusal(
  rule: string,
  line: string,
  instance: InstanceName | null,
  check: (line: string) => void,
): RuleRefusal[] {
  try {
    check(line);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return [{ instance, rule, value: line, limit: error.message }];
  }
}
