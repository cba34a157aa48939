export type { Log } from '#libs/leader';
