/** Greedy on purpose: of a text that is no valid URL, rather too much is hidden than a part of a password shown. */
const CREDENTIALS = /(\/\/[^\s"/?#:@]*):[^\s"]*@/g;
const SECRET_PARAMETER = /([?&](?:[\w-]*password|[\w-]*secret|[\w-]*token|sslkey)=)[^&\s"#]*/gi;

/** The text with passwords of URLs, and secret query parameters, replaced by `***`. A line of JSON stays JSON. */
export function redactSecrets(text: string): string {
  return text.replace(CREDENTIALS, '$1:***@').replace(SECRET_PARAMETER, '$1***');
}
