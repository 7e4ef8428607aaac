// The token of the person at the docs page. It runs in the browser, and imports nothing.

/** Where a token may be kept: for this tab, until it is closed. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const shelfMark = 'reseller-ledger-token';
const linkForm = /^#token=([\w-]+\.[\w-]+\.[\w-]+)$/;

/** The token that a link carries in its fragment, which browsers send to nobody. */
export function tokenInLink(fragment: string): string | undefined {
  return linkForm.exec(fragment)?.[1];
}

export function keepToken(shelf: Shelf, token: string | undefined): void {
  if (token === undefined) shelf.removeItem(shelfMark);
  else shelf.setItem(shelfMark, token);
}

/** The token that was kept before the page was loaded again; none that has ended. */
export function keptToken(shelf: Shelf, now: number): string | undefined {
  const token = shelf.getItem(shelfMark) ?? undefined;
  return token !== undefined && endOf(token) > now ? token : undefined;
}

/** When the token ends, in milliseconds; one that cannot be read has ended. */
function endOf(token: string): number {
  try {
    const claims = JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as {
      readonly exp?: number;
    };
    return (claims.exp ?? 0) * 1000;
  } catch {
    return 0;
  }
}
