/** Names that people give, in which nothing may be read as something else. */
export const ODD_NAMES = [
  "Robert'); DROP TABLE teams;--",
  '<script>alert(1)</script>',
  '東京 🗼 Ünïté',
  '%_\\',
  '../../etc/passwd',
  '${jndi:ldap://x}',
  'x'.repeat(128),
];

export const REFUSED_NAMES = ['', ' ', ' x', 'x ', 'a\nb', 'a\u0000b', 'x'.repeat(129), 7, ['x']];
