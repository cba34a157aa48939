import { beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '#libs/observability';
import type { StepOf } from '#libs/reconcile';
import { rebuild } from './rebuild.step.ts';
import type { StepContext } from './step-context.ts';
import { NotPermittedError } from './step-error.ts';

const { world, does } = vi.hoisted(() => {
  const begun = { done: [] as string[], keepsAside: true, inPlace: false };
  return { world: begun, does: (what: string) => async () => void begun.done.push(what) };
});

vi.mock('#libs/backup', async (original) => ({
  ...(await original<object>()),
  proveSource: async () => ({ ok: true, detail: '', bytes: 1n, keepsAside: world.keepsAside }),
  endReceivers: async () => undefined,
  finishCopy: does('proved'),
  completeHistory: async () => undefined,
}));
vi.mock('#libs/postgres-run', async (original) => ({
  ...(await original<object>()),
  CopyPlaces: class {
    readonly dataDirectory = '/data.new';
    readonly prepare = async () => undefined;
  },
  dataPlacesOf: () => ({}),
  refuseStrayFiles: () => undefined,
  finishSwap: async () => null,
  discardCopy: async () => undefined,
  makeRoom: does('old data removed'),
  swapIn: async () => {
    world.done.push('put in place');
    return { aside: null };
  },
}));
vi.mock('../rebuild/rebuild-sources.ts', () => ({ expectedFrom: async () => ({}) }));
vi.mock('../rebuild/tools-here.ts', () => ({
  toolFor: () => ({
    name: 'basebackup',
    capabilities: { inPlace: world.inPlace, fromServer: false },
    copy: does('copied'),
  }),
}));

beforeEach(() => {
  Object.assign(world, { done: [], keepsAside: true, inPlace: false });
});

/** A rebuild of whole data, which `refusal` forbids when it is asked about. */
async function rebuilt(refusal: Error | null = null): Promise<readonly string[]> {
  const context = {
    local: {
      ...{ dataDirectory: '/data', installation: {} },
      config: { postgres: { tablespaces: {} } },
      dataId: { renew: () => world.done.push('new id') },
    },
    state: { members: {}, postgres: {} },
    desk: {
      begin: () => ['basebackup'],
      journal: { failures: [] },
      ...{ enter: () => undefined, failed: () => undefined, placed: () => undefined },
    },
    observer: { forgetDirectory: () => undefined },
    log: createLogger({ process: 'test', level: 'fatal' }),
    signal: new AbortController().signal,
    setActivity: () => undefined,
    needCredentials: async () => undefined,
    permitDestruction: async () => {
      world.done.push('asked');
      if (refusal !== null) throw refusal;
    },
  };
  const order = { order: 12, from: null };
  const step = { kind: 'rebuild', order, upstream: null, timeline: 1, replaces: 'instance' };
  const work = rebuild(
    context as unknown as StepContext,
    step as unknown as StepOf<'rebuild'>,
  ).catch((error: unknown) => {
    if (refusal === null) throw error;
  });
  await work;
  return world.done;
}

it('a copy that was made beside is put in place once that is permitted (safety 4)', async () => {
  expect(await rebuilt()).toEqual(['copied', 'proved', 'asked', 'put in place', 'new id']);
});

it('without room for both nothing is removed before that is permitted (safety 4, 25)', async () => {
  world.keepsAside = false;
  const done = await rebuilt();
  expect(done[done.indexOf('old data removed') - 1]).toBe('asked');
  expect(done.slice(-3)).toEqual(['asked', 'put in place', 'new id']);
});

it('nothing is changed in place before that is permitted (safety 4, 25)', async () => {
  world.inPlace = true;
  const done = await rebuilt();
  expect(done[done.indexOf('copied') - 1]).toBe('asked');
});

it.each([
  ['in place', { inPlace: true }],
  ['without room for both', { keepsAside: false }],
  ['beside', {}],
])('%s the data stays as it was where that is refused', async (_how, change) => {
  Object.assign(world, change);
  const done = await rebuilt(new NotPermittedError('nobody else has all data', true));
  expect(done).not.toContain('put in place');
  expect(done).not.toContain('old data removed');
  expect(done).not.toContain('new id');
  if (world.inPlace) expect(done).not.toContain('copied');
});
