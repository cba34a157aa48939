import { expect, it } from 'vitest';
import { type ReceiverSight, type Sight, Suspicion } from './suspicion.ts';

const fed: ReceiverSight = { kind: 'streaming', silentMs: 20 };
const silent = (silentMs: number): ReceiverSight => ({ kind: 'streaming', silentMs });

function looks(...sights: Partial<Sight>[]): boolean[] {
  const suspicion = new Suspicion(800);
  return sights.map((sight, turn) =>
    suspicion.isRoused({ nowMs: turn * 200, told: false, receiver: fed, answered: null, ...sight }),
  );
}

it('leaves a primary that feeds its receiver alone', () => {
  expect(looks({}, {}, {}, {})).toEqual([false, false, false, false]);
});

it('is roused by the silence of a receiver that was being fed', () => {
  expect(looks({}, { receiver: silent(220) }, { receiver: silent(420) })).toEqual([
    ...[false, false, true],
  ]);
});

it('is not roused by the silence of an idle receiver', () => {
  expect(looks({ receiver: silent(12_000) }, { receiver: silent(12_200) })).toEqual([false, false]);
});

it('calls once when writers pause, and goes on only while nobody answers', () => {
  const quiet = { receiver: silent(400) };
  expect(looks({}, quiet, { ...quiet, answered: true }, { ...quiet, answered: true })).toEqual([
    ...[false, true, false, false],
  ]);
  expect(looks({}, quiet, { ...quiet, answered: false }, { ...quiet, answered: false })).toEqual([
    ...[false, true, true, true],
  ]);
});

it('lets writers that pause every second cost one call in five suspicions', () => {
  const second: Partial<Sight>[] = [{}, {}, {}, { receiver: silent(400), answered: true }, {}];
  const calls = looks(...Array.from({ length: 10 }, () => second).flat()).filter(Boolean);
  expect(calls).toHaveLength(3);
});

it.each([
  { reason: 'the leader says so', sight: { told: true } },
  { reason: 'the receiver is lost', sight: { receiver: { kind: 'lost' } as const } },
])('is roused at every look while $reason', ({ sight }) => {
  expect(looks({ ...sight, answered: true }, { ...sight, answered: true })).toEqual([true, true]);
});
