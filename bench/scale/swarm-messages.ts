import type { RenewalReport } from './renewal-tally.ts';

/** From the bench to one of the processes that hold its guards, and back. */
export type SwarmOrder =
  | {
      readonly type: 'begin';
      readonly names: readonly string[];
      readonly controllers: readonly { readonly name: string; readonly address: string }[];
      /** Where `<role>-<cluster>-<instance>.crt` and `.key` lie. */
      readonly certificates: string;
    }
  | { readonly type: 'reset' }
  | { readonly type: 'report' };

export type SwarmAnswer =
  | { readonly type: 'granted'; readonly count: number }
  | { readonly type: 'begun' }
  | { readonly type: 'failed'; readonly why: string }
  | { readonly type: 'report'; readonly report: RenewalReport };
