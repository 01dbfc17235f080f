/**
 * Why TLS failed, by Node's `code`: what it found wrong with the server's certificate
 * (OpenSSL's X509_V_ERR names), or the alert with which the server refused ours.
 */

import type { ErrorReason } from '../model/errors.js';

const PROBLEMS: readonly (readonly [code: RegExp, message: string, reason: ErrorReason])[] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT\w*))$/,
    "the server's certificate is signed by nobody who is trusted here",
    'TLS_UNTRUSTED',
  ],
  [/^CERT_HAS_EXPIRED$/, "the server's certificate has expired", 'TLS_EXPIRED'],
  [/^CERT_NOT_YET_VALID$/, "the server's certificate is not valid yet", 'TLS_NOT_YET_VALID'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "the server's certificate is for another name", 'TLS_WRONG_NAME'],
  [
    /ALERT_CERTIFICATE_REQUIRED$/,
    'the server asks for a client certificate',
    'TLS_CLIENT_CERTIFICATE_REQUIRED',
  ],
  [
    /ALERT_(UNKNOWN_CA|\w*CERTIFICATE\w*)$/,
    'the server refuses the client certificate',
    'TLS_CLIENT_CERTIFICATE_REFUSED',
  ],
  // What TLS 1.2 says where a client certificate is missing; and all that do not fit together.
  [/ALERT_HANDSHAKE_FAILURE$/, 'the server refuses the TLS handshake', 'TLS_HANDSHAKE_REFUSED'],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE)$/,
    'no TLS is spoken there',
    'TLS_NOT_SUPPORTED',
  ],
];

/** In a few words, with what to do; null: it is another kind of error. */
export function tlsProblem(error: Error): { message: string; reason?: ErrorReason } | null {
  const { code = '', reason } = error as NodeJS.ErrnoException & { reason?: string };
  const known = PROBLEMS.find(([pattern]) => pattern.test(code));
  if (known) return { message: `TLS: ${known[1]}`, reason: known[2] };
  if (!/^(ERR_TLS|ERR_SSL|CERT_|CRL_|UNABLE_TO)/.test(code)) return null;
  return { message: `TLS: ${reason ?? error.message.split('\n', 1)[0]}` };
}
