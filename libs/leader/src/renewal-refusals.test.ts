import { expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { clusterName, epoch, epochMs, monotonicMs } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import type { GuardAnswer } from '#libs/protocol';
import { holding, named, runningCluster } from '#libs/testing';
import { Renewals } from './renewals.ts';
import type { ReplicatedLog } from './replicated-log.ts';
import { Service } from './service.ts';

type Round = { readonly onConfirmed: (index: number) => void };

/** pg1 holds epoch 1 and renews it while the cluster is in `state`; what it is answered, and when the rounds are. */
function renewed(state: ClusterState): { answers: GuardAnswer[]; confirm: () => void } {
  const rounds: Round[] = [];
  const host = {
    store: { cluster: () => state },
    confirm: (round: Round) => void rounds.push(round),
    applies: { whenApplied: (_index: number, then: () => void) => then() },
    schedule: () => undefined,
  } as unknown as ReplicatedLog;
  const now = monotonicMs(10);
  const clock = { nowMs: () => epochMs(10), monotonicMs: () => now, bootMs: () => now };
  const service = new Service(1, new CappedTime(100, monotonicMs(0)), clock, [state]);
  const renewals = new Renewals(host, () => service);
  const answers: GuardAnswer[] = [];
  const link = { guard: 'demo/pg1', answer: (answer: GuardAnswer) => void answers.push(answer) };
  const from = { cluster: clusterName('demo'), instance: named('pg1') };
  const { incarnation } = holding('pg1', 1);
  renewals.accept(service, link, from, {
    ...{ type: 'renew', incarnation, epoch: epoch(1), nonce: 1 },
    ...{ postmaster: 'running', position: null, agentAbsentMs: 0 },
  });
  renewals.beginRound();
  return {
    answers,
    confirm: () => {
      for (const round of rounds) round.onConfirmed(7);
    },
  };
}

const { state } = runningCluster();
const { lease } = state;

it('a renewal is answered once the leader has proved that it is one', () => {
  const { answers, confirm } = renewed(state);
  expect(answers).toEqual([]);
  confirm();
  expect(answers).toMatchObject([{ type: 'renewed', epoch: 1 }]);
});

it.each(['Fenced', 'Expired', 'Released'] as const)(
  'from the moment in which the epoch is %s it is refused, which stops the primary (safety 5)',
  (kind) => {
    const { answers, confirm } = renewed({ ...state, lease: { ...lease, kind } as typeof lease });
    expect(answers).toEqual([]);
    confirm();
    const reason = `epoch 1 is over (${kind.toLowerCase()})`;
    expect(answers).toMatchObject([{ type: 'renewalRefused', epoch: 1, reason }]);
  },
);

it('no epoch of before is renewed while nobody has confirmed what was restored (safety 4)', () => {
  const restored = { confirmed: false } as NonNullable<ClusterState['restored']>;
  const { answers, confirm } = renewed({ ...state, restored });
  confirm();
  expect(answers).toMatchObject([{ type: 'renewalRefused', reason: expect.any(String) }]);
});
