/**
 * Text from the host made safe to print. Names of programs, processes and containers are anyone's bytes: a control character
 * in one must not move the cursor, change a colour or turn the line around.
 */

/**
 * C0, DEL and C1 (ECMA-48); line and paragraph separators; the marks that reorder text or are invisible (UAX #9, General
 * Category Cf); what else is invisible (UAX #44, Default_Ignorable_Code_Point), but for the variation selectors, which change
 * what is before them; lone surrogates.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?!\p{Variation_Selector})\p{Default_Ignorable_Code_Point}/gu;
const anyUnsafe = new RegExp(unsafe.source, 'u');

/** The same text with every unsafe character shown as its code point, such as `<1b>` or `<202e>`. */
export function printable(text: string): string {
  return anyUnsafe.test(text)
    ? text.replace(unsafe, (character) => `<${(character.codePointAt(0) as number).toString(16)}>`)
    : text;
}

const beyondAscii = /[^\n\x20-\x7e]/;

/** The same JSON with every unsafe character in its escaped form, `\u202e`: `JSON.stringify` leaves all but C0 as it is. */
export function escapedJson(json: string): string {
  if (!beyondAscii.test(json)) return json;
  return json.replace(unsafe, (character) =>
    character === '\n'
      ? character
      : Array.from({length: character.length}, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );
}

/** As much of it as a sentence has room for. */
export function shortened(text: string, most = 40): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
