import { isEmail } from 'class-validator';

/** RFC 5321 §4.5.3.1.3: a path of 256 octets, without its angle brackets. */
export const MAX_MAIL_ADDRESS_LENGTH = 254;

/** Whether this is a bare mail address, without a name. */
export function isMailAddress(value: unknown): value is string {
  return (
    isEmail(value, { allow_utf8_local_part: false }) &&
    // Quoted local parts are addresses too, but not all mail servers agree on what they mean.
    !String(value).includes('"')
  );
}
