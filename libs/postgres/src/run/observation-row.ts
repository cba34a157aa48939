import {
  DomainError,
  type EpochMs,
  epochMs,
  type Lsn,
  parseLsn,
  type TimelineId,
  timelineId,
} from '#libs/kernel';
import type { Row } from './sql-connection.ts';

/** The server answered with something that no supported version answers. */
export class ObservationRowError extends DomainError {
  readonly code = 'OBSERVATION_UNREADABLE';

  constructor(column: string, value: unknown) {
    super(`the observation's column '${column}' is ${JSON.stringify(value)}`);
  }
}

/** Typed access to a row whose columns differ between versions. */
export class RowReader {
  constructor(readonly row: Row) {}

  text(column: string): string {
    const value = this.optionalText(column);
    if (value === undefined) throw new ObservationRowError(column, this.row[column]);
    return value;
  }

  optionalText(column: string): string | undefined {
    const value = this.row[column];
    if (value === null || value === undefined) return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint') return String(value);
    throw new ObservationRowError(column, value);
  }

  number(column: string): number {
    const value = this.optionalNumber(column);
    if (value === undefined) throw new ObservationRowError(column, this.row[column]);
    return value;
  }

  optionalNumber(column: string): number | undefined {
    const text = this.optionalText(column);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new ObservationRowError(column, text);
    return value;
  }

  flag(column: string): boolean {
    const value = this.row[column];
    if (typeof value !== 'boolean') throw new ObservationRowError(column, value);
    return value;
  }

  optionalFlag(column: string): boolean | undefined {
    const value = this.row[column];
    return value === null || value === undefined ? undefined : this.flag(column);
  }

  lsn(column: string): Lsn {
    return parseLsn(this.text(column));
  }

  optionalLsn(column: string): Lsn | undefined {
    const text = this.optionalText(column);
    return text === undefined ? undefined : parseLsn(text);
  }

  timeline(column: string): TimelineId {
    return timelineId(this.number(column));
  }

  /** From a timestamp as JSON writes it. */
  optionalTime(column: string): EpochMs | undefined {
    const text = this.optionalText(column);
    if (text === undefined) return undefined;
    const atMs = Date.parse(text);
    if (Number.isNaN(atMs)) throw new ObservationRowError(column, text);
    return epochMs(atMs);
  }

  time(column: string): EpochMs {
    const value = this.optionalTime(column);
    if (value === undefined) throw new ObservationRowError(column, this.row[column]);
    return value;
  }

  optionalTexts(column: string): string[] | undefined {
    const value = this.row[column];
    if (value === null || value === undefined) return undefined;
    if (!Array.isArray(value)) throw new ObservationRowError(column, value);
    return value.map(String);
  }

  rows(column: string): RowReader[] {
    const value = this.row[column];
    if (!Array.isArray(value)) throw new ObservationRowError(column, value);
    return value.map((item: unknown) => RowReader.#of(column, item));
  }

  optionalRow(column: string): RowReader | undefined {
    const value = this.row[column];
    return value === null || value === undefined ? undefined : RowReader.#of(column, value);
  }

  static #of(column: string, value: unknown): RowReader {
    if (!isRow(value)) throw new ObservationRowError(column, value);
    return new RowReader(value);
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an optional property: absent when undefined, as exact optional types want it. */
export function optional<K extends string, V>(
  name: K,
  value: V | undefined,
): { readonly [P in K]?: V } {
  const property: { [P in K]?: V } = {};
  if (value !== undefined) property[name] = value;
  return property;
}
