export type * from './agent-messages.ts';
export { Fields, MalformedMessageError } from './fields.ts';
export * from './guard-messages.ts';
export {
  type LocalAnswer,
  type LocalRequest,
  packLocalAnswer,
  packLocalRequest,
  type StopMode,
  unpackLocalAnswer,
  unpackLocalRequest,
} from './local-messages.ts';
export * from './session-messages.ts';
