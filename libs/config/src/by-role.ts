import * as z from 'zod';
import { isInstanceName } from '#libs/kernel';
import { type FieldText, field, NAME_RULE } from './field.ts';

/** Of whom something is said beside what counts for the whole cluster. */
type ByRole<Part> = {
  readonly primary: Part;
  readonly standby: Part;
  readonly instances: Readonly<Record<string, Part>>;
};

type PartText = {
  /** What each of them must be. */
  readonly rule: string;
  /** In the example file. */
  readonly primary: unknown;
  readonly standby: unknown;
  readonly instance: unknown;
};

export function byRole<Part extends z.ZodType>(part: Part, { rule, ...examples }: PartText) {
  const text = (about: string, example: unknown): FieldText => ({ about, rule, example });
  return z.strictObject({
    primary: field(part.optional(), text('For whoever is the primary.', examples.primary)),
    standby: field(part.optional(), text('For every standby.', examples.standby)),
    instances: field(z.record(z.string().refine(isInstanceName), part).optional(), {
      about: 'For one instance, whatever it is; before what counts for its role.',
      rule: `a mapping of names of instances (${NAME_RULE}), each to ${rule}`,
      example: { pg3: examples.instance },
    }),
  });
}

export function resolveByRole<Raw, Part>(
  raw: {
    primary?: Raw | undefined;
    standby?: Raw | undefined;
    instances?: Record<string, Raw> | undefined;
  },
  key: string,
  resolve: (raw: Raw | undefined, path: readonly string[]) => Part,
): ByRole<Part> {
  const instances = Object.entries(raw.instances ?? {});
  return {
    primary: resolve(raw.primary, [key, 'primary']),
    standby: resolve(raw.standby, [key, 'standby']),
    instances: Object.fromEntries(
      instances.map(([name, one]) => [name, resolve(one, [key, 'instances', name])]),
    ),
  };
}
