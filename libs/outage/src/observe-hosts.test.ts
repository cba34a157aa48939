import { expect, it } from 'vitest';
import { type HostObservation, summary } from './observe-hosts.ts';

const hosts: Readonly<Record<string, HostObservation>> = {
  primaryTo2: { name: 'a', kind: 'primary', streamingTo: 2 },
  primaryTo1: { name: 'a', kind: 'primary', streamingTo: 1 },
  secondPrimary: { name: 'b', kind: 'primary', streamingTo: 0 },
  streaming: { name: 'b', kind: 'standby', streaming: true },
  alsoStreaming: { name: 'c', kind: 'standby', streaming: true },
  catchingUp: { name: 'c', kind: 'standby', streaming: false },
  down: { name: 'c', kind: 'unreachable', why: 'refused' },
};

it.each([
  { of: 'primaryTo2 streaming alsoStreaming', primary: 'a', streamingStandbys: 2 },
  { of: 'primaryTo1 streaming alsoStreaming', primary: 'a', streamingStandbys: 1 },
  { of: 'primaryTo2 streaming catchingUp', primary: 'a', streamingStandbys: 1 },
  { of: 'primaryTo2 streaming down', primary: 'a', streamingStandbys: 1 },
  { of: 'streaming alsoStreaming', primary: null, streamingStandbys: 0 },
  { of: 'primaryTo2 secondPrimary alsoStreaming', primary: null, streamingStandbys: 0 },
])('$of: primary $primary, $streamingStandbys streaming', ({ of, ...expected }) => {
  const observed = of.split(' ').map((name) => hosts[name] as HostObservation);
  expect(summary(observed)).toMatchObject(expected);
});
