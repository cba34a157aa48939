/** Why a switchover or a demotion goes no further, as the operator reads it: what stood in the way, with values. */
import { type Epoch, formatLsn, type InstanceName, type Lsn } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import type { Operation } from '../../state.ts';
import type { WalPosition } from '../../wal-position.ts';
import { freshReport, isSilent } from '../sight.ts';
import { givenUpHandOver } from './given-up-hand-over.ts';

/** The primary's own word; null while it has not given the hand-over up. */
export function whyItServesOn(
  input: DecisionInput,
  primary: InstanceName,
  epoch: Epoch,
): string | null {
  const report = givenUpHandOver(input, primary, epoch);
  if (report === null) return null;
  return `${primary} serves on: ${report.handOverRefused ?? 'it could not stop within its budget'}`;
}

/** A primary that neither stopped nor gave up in its time. */
export function whyNotStopped(
  input: DecisionInput,
  primary: InstanceName,
  limitMs: number,
): string | null {
  if (input.observations.sinceChangeMs <= limitMs) return null;
  const report = freshReport(input, primary);
  const doing = report?.problem ?? report?.activity ?? null;
  const why = report === null ? 'its agent is not heard' : (doing ?? 'its agent does not say why');
  return `${primary} was not stopped within ${limitMs / 1_000} s: ${why}`;
}

type CatchUp = Extract<Operation, { kind: 'switchover' }>;

/** The primary is down, and the target has not all of what it wrote. */
export function whyNotCaughtUp(
  input: DecisionInput,
  { from, to }: CatchUp,
  stoppedAt: WalPosition | null,
  limitMs: number,
): string {
  if (stoppedAt === null) return `${from} ended without saying where its WAL ends`;
  if (isSilent(input, to)) return `${to} is not heard any more`;
  const postgres = freshReport(input, to)?.postgres;
  const end = `the end of ${from}'s WAL, ${formatLsn(stoppedAt.lsn)}`;
  if (postgres?.kind !== 'standby') {
    return `${to} had not ${end}, within ${limitMs} ms: its PostgreSQL is ${postgres?.kind ?? 'not seen'}`;
  }
  const received: Lsn | null = postgres.receivedLsn;
  if (received !== null && received >= stoppedAt.lsn) {
    return `${to} has ${end}, but its own commits would not wait for other standbys yet`;
  }
  const at = received === null ? 'nothing' : formatLsn(received);
  return `${to} had not ${end}, within ${limitMs} ms: it has ${at}`;
}
