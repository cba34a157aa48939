import type { Prng } from '#libs/kernel';
import type { DiskCopy, MemoryDisk } from '#libs/storage';

/** Batches that must follow one which is lost: the last may be gone before it is confirmed. */
const UNCONFIRMED_MAX = 8;
/** Of a table file of LevelDB's log, as the simulated disk remembers them. */
const LOST_MAX = 64;

const KINDS = [
  ...['flip', 'drop', 'tear', 'zero', 'loseNewest', 'loseGuard', 'loseDatabase'],
  ...['staleDatabase', 'staleGuard'],
] as const;
type Damage = (typeof KINDS)[number];

export type DamageScene = {
  readonly batches: number;
  readonly copy: DiskCopy | null;
  readonly batchesAtCopy: number;
};

/**
 * Loses or changes something that was acknowledged. What happened too early for that is a flipped byte.
 *
 * @returns what it did
 */
export function damageDisk(disk: MemoryDisk, prng: Prng, scene: DamageScene): Damage {
  const drawn = prng.pick(KINDS);
  const kind = isPossible(drawn, scene) ? drawn : 'flip';
  const record = prng.range(0, 100_000);
  const byte = prng.range(0, 1_000);
  switch (kind) {
    case 'flip':
      disk.flipByte({ record, byte, mask: 1 << prng.range(0, 7) });
      break;
    case 'zero':
      disk.zeroSector({ record, sector: byte });
      break;
    case 'tear':
      disk.tearGuardSlot(0, byte % 48);
      disk.tearGuardSlot(1, byte % 48);
      break;
    case 'drop':
      disk.dropBatch(prng.range(1, UNCONFIRMED_MAX));
      break;
    case 'loseNewest':
      disk.loseNewest(prng.range(UNCONFIRMED_MAX, LOST_MAX));
      break;
    case 'loseGuard':
      disk.loseGuard();
      break;
    case 'loseDatabase':
      disk.loseDatabase();
      break;
    case 'staleDatabase':
    case 'staleGuard':
      if (scene.copy !== null) {
        disk.putBack(kind === 'staleGuard' ? 'guard' : 'database', scene.copy);
      }
  }
  return kind;
}

function isPossible(kind: Damage, { batches, copy, batchesAtCopy }: DamageScene): boolean {
  switch (kind) {
    case 'drop':
    case 'loseNewest':
      return batches > 4 * UNCONFIRMED_MAX;
    case 'loseGuard':
    case 'loseDatabase':
      return batches > UNCONFIRMED_MAX;
    case 'staleDatabase':
    case 'staleGuard':
      return copy !== null && batches > batchesAtCopy + UNCONFIRMED_MAX;
    default:
      return true;
  }
}
