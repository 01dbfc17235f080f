/** A change of a library's file at build time. */
export interface Patch {
  name: string;
  /** Matches the path of the file. */
  file: RegExp;
  /** Returns whether the change can be made, and keeps what the library does. */
  fits(code: string): boolean;
  change(code: string): string;
}
export const patches: Patch[];
export function applyPatch(patch: Patch, code: string): string;
