/** Values that no program writes by mistake, to test how stored data are shown. */

/** Escape sequences, line breaks, and characters that reorder or hide text. */
export const HOSTILE = '\u001b[31mred\u001b]0;title\u0007\n\r\t\u0085\u007f\u202eevil\u2066\u2028\u200b';

/** JSON nested 100,000 levels deep. */
export const deep = (open: string, close: string) => `{"a":${open.repeat(100_000)}1${close.repeat(100_000)}}`;
