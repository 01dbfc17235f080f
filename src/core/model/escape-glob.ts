/** Returns a glob pattern of Redis that matches this text alone. In an ACL rule the text must not have a space. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}
