/** Every way to write a secret that would give it away, also with an end of it cut off. */
export function spellings(secret: string): string[] {
  const cut = [secret.slice(5), secret.slice(0, -5)];
  return cut.flatMap((part) => {
    const bytes = Buffer.from(part);
    // Base64 of a longer text has one of three forms of what stands in it, by where it begins.
    const inBase64 = [0, 1, 2].map((shift) =>
      Buffer.concat([Buffer.alloc(shift), bytes])
        .toString('base64')
        .replace(/=+$/, '')
        .slice(shift === 0 ? 0 : shift + 1, -2),
    );
    return [
      part,
      encodeURIComponent(part),
      encodeURI(part),
      JSON.stringify(part).slice(1, -1),
      JSON.stringify(JSON.stringify(part)).slice(3, -3),
      bytes.toString('hex'),
      ...inBase64,
      ...inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ];
  });
}
