import { FilledIn, type PageAnswer, type PageRequest } from './filled-in.js';
import { resolvedPart, shownDocument } from './shown-document.js';
import { keepToken, keptToken, tokenInLink } from './sign-in.js';

// The script of the docs page. It runs in the browser: the server only serves it.

/** As far as this script needs them: the types of a browser would name thousands of globals that no server has. */
interface Browser {
  readonly location: { readonly pathname: string; readonly search: string; readonly hash: string };
  readonly history: { replaceState(state: unknown, title: string, url: string): void };
  readonly document: {
    getElementById(id: string): { textContent: string | null } | null;
    querySelector(selector: string): { setAttribute(name: string, value: string): void } | null;
  };
  readonly sessionStorage: Storage;
  readonly SwaggerUIBundle: (options: object) => SwaggerUi;
  addEventListener(type: 'hashchange', listener: () => void): void;
}

interface SwaggerUi {
  preauthorizeApiKey(scheme: string, token: string): void;
}

// Of swagger-ui's own parts, which hold immutable maps and lists.
interface Held {
  get(name: string): unknown;
}
interface Operations {
  filter(test: (operation: Held) => boolean): Operations;
  readonly size: number;
}
interface Tagged {
  get(name: 'operations'): Operations;
  set(name: 'operations', operations: Operations): Tagged;
}
interface TaggedOperations {
  map(change: (tagged: Tagged, tag: string) => Tagged): TaggedOperations;
  filter(test: (tagged: Tagged, tag: string) => boolean): TaggedOperations;
  readonly size: number;
}
interface System {
  readonly layoutActions: { show(thing: readonly string[], shown: boolean): void };
  readonly React: {
    readonly createElement: (component: unknown, properties: object | null, ...children: readonly unknown[]) => unknown;
    readonly Fragment: unknown;
  };
}
interface OperationsProperties {
  readonly specSelectors: { readonly taggedOperations: () => TaggedOperations };
}
type Action = (...given: readonly unknown[]) => unknown;

const browser = globalThis as unknown as Browser;
const { location, history, document, sessionStorage, SwaggerUIBundle } = browser;
const scheme = 'bearer';
/** The tag of routes that stand in other sections already. */
const folded = 'twins';

/** An operation is shown if all words that are looked for are in its section, method, path, name or summary. */
function opsFilter(all: TaggedOperations, phrase: string): TaggedOperations {
  const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  return all
    .map((tagged, tag) =>
      tagged.set(
        'operations',
        tagged.get('operations').filter((each) => {
          const operation = each.get('operation') as Held;
          const text = [
            tag,
            each.get('method'),
            each.get('path'),
            operation.get('operationId'),
            operation.get('summary'),
          ]
            .join(' ')
            .toLowerCase();
          return words.every((word) => text.includes(word));
        }),
      ),
    )
    .filter((tagged) => tagged.get('operations').size > 0);
}

/**
 * Of 150 rows or more swagger-ui keeps only those in view, and the browser's search finds no others. The list in two parts
 * has fewer rows in each.
 */
const operationsInParts =
  (operations: unknown, { React: { createElement, Fragment } }: System) =>
  (properties: OperationsProperties): unknown => {
    const { specSelectors } = properties;
    const all = specSelectors.taggedOperations();
    const parts = [true, false]
      .map((isFolded) => all.filter((_, tag) => (tag === folded) !== isFolded))
      .filter(({ size }) => size > 0);
    const shown = (part: TaggedOperations) =>
      createElement(operations, { ...properties, specSelectors: { ...specSelectors, taggedOperations: () => part } });
    return createElement(Fragment, null, ...(parts.length > 0 ? parts : [all]).map(shown));
  };

const ledgerPage = () => ({
  fn: {
    opsFilter,
    // References stay in the document. The resolver of swagger-ui, which bears any, takes seconds for each operation.
    resolveSubtree: (document: { [name: string]: unknown }, path: readonly string[]) =>
      Promise.resolve({ spec: resolvedPart(document, path), errors: [] }),
  },
  wrapComponents: { operations: operationsInParts },
  statePlugins: {
    auth: {
      wrapActions: {
        authorize: (original: Action) => (given: { readonly [name: string]: { readonly value?: unknown } }) => {
          const token = given[scheme]?.value;
          if (typeof token === 'string') keepToken(sessionStorage, token);
          return original(given);
        },
        logout: (original: Action) => (given: unknown) => {
          keepToken(sessionStorage, undefined);
          return original(given);
        },
      },
    },
    layout: {
      wrapActions: {
        // What is looked for is shown wherever it stands.
        updateFilter: (original: Action, system: System) => (phrase: unknown) => {
          system.layoutActions.show(['operations-tag', folded], typeof phrase === 'string' && phrase !== '');
          return original(phrase);
        },
      },
      wrapSelectors: {
        isShown:
          (original: Action) =>
          (_: unknown, thing: unknown, otherwise: unknown): unknown =>
            original(thing, isFolded(thing) ? false : otherwise),
      },
    },
  },
});

function isFolded(thing: unknown): boolean {
  return Array.isArray(thing) && thing.length === 2 && thing[0] === 'operations-tag' && thing[1] === folded;
}

/** The token of the link, which is taken out of the address bar and the history at once. */
function takeToken(): string | undefined {
  const token = tokenInLink(location.hash);
  if (token !== undefined) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

async function start(): Promise<void> {
  const linked = takeToken();
  // The address is relative to the script, so that a proxy may serve all of it below a path of its own.
  const address = new URL('../openapi.json', import.meta.url);
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address.pathname} was answered ${answer.status}`);
  const spec = shownDocument(
    (await answer.json()) as { [name: string]: unknown },
    address.pathname.replace(/\/[^/]*$/, ''),
  );
  const filledIn = new FilledIn(() => crypto.randomUUID());
  const page = SwaggerUIBundle({
    spec,
    dom_id: '#swagger-ui',
    plugins: [ledgerPage],
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
    requestInterceptor(request: PageRequest) {
      filledIn.fill(request);
      return request;
    },
    responseInterceptor(shown: PageAnswer) {
      filledIn.note(shown);
      return shown;
    },
    onComplete() {
      const signIn = (token: string | undefined) => {
        if (token === undefined) return;
        keepToken(sessionStorage, token);
        page.preauthorizeApiKey(scheme, token);
      };
      signIn(linked ?? keptToken(sessionStorage, Date.now()));
      // A link that is opened in the tab of the page loads nothing.
      browser.addEventListener('hashchange', () => signIn(takeToken()));
      const filter = document.querySelector('.operation-filter-input');
      filter?.setAttribute('placeholder', 'Filter by words of a section, a path or a summary');
      filter?.setAttribute('aria-label', 'Filter the operations');
    },
  });
}

start().catch((error: Error) => {
  document.getElementById('swagger-ui')!.textContent =
    `The routes cannot be shown: ${error.message}. Load the page again.`;
});
