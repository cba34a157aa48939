export class StepError extends Error {
  constructor(
    message: string,
    /** Tried again soon. */
    readonly passing: boolean,
  ) {
    super(message);
  }
}
