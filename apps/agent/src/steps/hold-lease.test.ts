import { expect, it } from 'vitest';
import { DomainError, epoch } from '#libs/kernel';
import { acquireLease } from './hold-lease.ts';
import type { StepContext } from './step-context.ts';

class Late extends DomainError {
  readonly code = 'GUARD_TIMEOUT';
}

class Refused extends DomainError {
  readonly code = 'EPOCH_OVER';
}

const asked = (error: Error) =>
  acquireLease(
    {
      guard: {
        ask: () => Promise.reject(error),
        state: { controllersConnected: 2 } as StepContext['guard']['state'],
      },
    },
    epoch(5),
  );

it('says whom a guard hears that was confirmed no epoch: its controllers may be of before', async () => {
  await expect(asked(new Late('no answer'))).rejects.toThrow(
    /epoch 5 was not confirmed .* connected to 2 of the controllers that it was started with/,
  );
  const refused = new Refused('epoch 5 is over');
  await expect(asked(refused)).rejects.toBe(refused);
});
