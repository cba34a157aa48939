import { expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { monotonicMs } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import {
  decode,
  encode,
  type GuardAnswer,
  GuardFrame,
  packGuardRequest,
  unpackGuardAnswer,
} from '#libs/protocol';
import { holding, runningCluster } from '#libs/testing';
import type { PeerConnection } from '#libs/transport';
import { LeaseGateway, type LeaseGatewayOptions } from './lease-gateway.ts';

/** What the guard of pg1, which holds the lease, is told of its times: on connect, and when they change. */
function tellsGuard(before: ClusterState): {
  readonly granted: () => (GuardAnswer & { type: 'granted' }) | undefined;
  readonly becomes: (state: ClusterState) => void;
} {
  const world = { state: before };
  const answers: GuardAnswer[] = [];
  const options = {
    host: {
      nowMs: () => monotonicMs(0),
      role: { leader: 0 },
      store: { cluster: () => world.state },
    },
    service: () => null,
    time: new CappedTime(100, monotonicMs(0)),
    leader: () => ({ name: 'c2', term: 1 }),
  };
  const gateway = new LeaseGateway(options as unknown as LeaseGatewayOptions);
  const send = (_type: number, body: Uint8Array) => {
    answers.push(unpackGuardAnswer(decode(body)));
  };
  const connection = { peer: { name: 'demo/pg1' }, send } as unknown as PeerConnection;
  const { incarnation } = holding('pg1', 1);
  const says = { type: 'guardState', incarnation, epoch: null, postmaster: 'running' } as const;
  gateway.accept(connection).onFrame(GuardFrame.request, encode(packGuardRequest(says)));
  return {
    granted: () => answers.findLast((answer) => answer.type === 'granted'),
    becomes: (state) => {
      world.state = state;
      answers.length = 0;
      gateway.follow([{ cluster: state.name, event: { type: 'ClusterPaused' } }] as never);
    },
  };
}

const { state } = runningCluster();
const settings = { ...state.settings, synchronousMode: 'quorum', syncFenceMs: 1_800 } as const;
const synchronous = { ...state, settings };

/** From its last confirmed renewal until it stops PostgreSQL. */
const stopsAfter = (told: ReturnType<ReturnType<typeof tellsGuard>['granted']>): number | null =>
  told === undefined ? null : told.leaseTtlMs - told.stopBudgetMs;

it('a guard whose commits wait for standbys is told to stop after syncFenceMs (safety 12)', () => {
  expect(stopsAfter(tellsGuard(synchronous).granted())).toBe(1_800);
  expect(stopsAfter(tellsGuard(state).granted())).toBe(settings.leaseTtlMs - settings.stopBudgetMs);
});

it('and told anew when that is switched on in the epoch that it holds', () => {
  const guard = tellsGuard(state);
  guard.becomes(state);
  guard.becomes(state);
  expect(guard.granted()).toBeUndefined();
  guard.becomes(synchronous);
  expect(stopsAfter(guard.granted())).toBe(1_800);
});
