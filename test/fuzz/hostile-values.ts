/** What nobody expects to be stored. */

/** What drives a terminal, breaks a line, shows a text as another. */
export const EVIL = '\u001b[31mred\u001b]0;title\u0007\n\r\t\u0085\u007f\u202eevil\u2066\u2028\u200b';

/** A hundred thousand levels. */
export const deep = (open: string, close: string) => `{"a":${open.repeat(100_000)}1${close.repeat(100_000)}}`;
