import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, type Prng } from '#libs/kernel';
import { observeHosts, type WritingClient } from '#libs/outage';
import { untilCounted } from '../../bench/shared/writing.ts';
import { CONTROLLER_HOSTS } from '../hosts/six-hosts.ts';
import { type Battlefield, carryOut, type End } from './carry-out.ts';
import { drawRound } from './draw.ts';
import { type Cast, castOf } from './roles.ts';
import { strikeText, type TimedStrike } from './strike.ts';

const STANDBYS = 2;
/** A rebuild from a base backup on a busy machine is in it. */
const HEALED_LIMIT_MS = 90_000;
const QUIET_MS = 1_000;

export type CampaignLog = (line: Record<string, unknown>) => void;

/** Rounds of strikes until the time is over; between rounds the cluster has to become whole again. */
export class Campaign {
  readonly kinds = new Map<string, number>();
  faults = 0;
  #cast: Cast = castOf('n1', CONTROLLER_HOSTS[0] ?? '');

  constructor(
    readonly field: Battlefield,
    readonly client: WritingClient,
    readonly prng: Prng,
    readonly log: CampaignLog,
  ) {}

  async run(untilMs: number, signal: AbortSignal): Promise<void> {
    for (let round = 1; performance.now() < untilMs; round += 1) {
      signal.throwIfAborted();
      await this.#round(round);
      const primary = await this.untilWhole();
      const { dual, openGapMs } = this.client.view();
      const lost = await untilCounted(this.client, primary);
      this.log({ round, primary, dual, lost, openGapMs: Math.round(openGapMs) });
      if (dual > 0) return;
      await pause(QUIET_MS);
    }
  }

  async untilWhole(): Promise<string> {
    return await this.field.system.untilStreaming(STANDBYS, HEALED_LIMIT_MS);
  }

  async #round(round: number): Promise<void> {
    const held: Promise<void>[] = [];
    for (const strike of drawRound(this.prng)) {
      await pause(strike.afterMs);
      const end = await this.#strike(round, strike);
      held.push(this.#endLater(strike, end));
    }
    await Promise.all(held);
    // One healing may undo a part of what another strike left: in the end every cable is in.
    await this.field.system.network.healAll();
  }

  async #strike(round: number, strike: TimedStrike): Promise<End> {
    await this.#lookAround();
    const end = await carryOut(strike, this.#cast, this.field);
    this.faults += 1;
    this.kinds.set(strike.kind, (this.kinds.get(strike.kind) ?? 0) + 1);
    const { holdMs } = strike;
    this.log({
      round,
      strike: strikeText(strike),
      holdMs,
      at: new Date().toISOString(),
      ...this.#cast,
    });
    return end;
  }

  async #endLater(strike: TimedStrike, end: End): Promise<void> {
    await pause(strike.holdMs);
    await end();
  }

  async #lookAround(): Promise<void> {
    const { system } = this.field;
    const { primary } = await observeHosts(system.databases, system.credentials);
    let leader = this.#cast.leader;
    try {
      leader = await system.leaderHost();
    } catch (error) {
      this.log({ leader: messageOf(error) });
    }
    this.#cast = castOf(primary ?? this.#cast.primary, leader);
  }
}
