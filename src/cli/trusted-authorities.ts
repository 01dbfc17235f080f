/** Which certificate authorities are trusted if the user names none. */
import tls from 'node:tls';

/** `tls.getCACertificates`, which Node has since 22.15 and 24; older versions lack it. */
type GetAuthorities = (type: 'default' | 'system') => string[];

/**
 * Returns the authorities of Node (its own list, and those of NODE_EXTRA_CA_CERTS) and those of the system, in PEM form.
 * Undefined: this Node cannot read those of the system. If TLS is given no authorities, it trusts those of Node.
 */
export function trustedAuthorities(
  get = (tls as { getCACertificates?: GetAuthorities }).getCACertificates,
): string[] | undefined {
  return get && [...new Set([...get('default'), ...get('system')])];
}
