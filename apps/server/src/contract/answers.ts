import type {
  GrantStatus,
  RelationshipStatus,
  RemovalReadiness,
  Reservation,
  SavingsPlan,
  SoftwarePurchase,
  Subscription,
  SupportContact,
} from '#customer-relationship';
import type { ProblemBody } from '#http';
import type { PastStatus } from '../as-of/past-views.js';
import type { CommandAnswer } from '../commands/command-answer.js';
import type { RowChange } from '../explanations/explain.js';
import type { Guid, Id, Instant, Place, Position, Reference, Seconds, Sha256 } from './answer-words.js';

// The forms of answers. `npm run openapi` makes the schemas of openapi.json from these types and their comments. Words become
// examples, because later releases may add words, as they may add fields.

/** Each answer by the name of its schema. A route names the answer that it gives. */
export interface Answers {
  readonly Problem: ProblemBody;
  readonly CommandAnswer: CommandAnswer;
  readonly BulkAnswer: BulkAnswer;
  readonly Relationship: RelationshipAnswer;
  readonly RemovalReadiness: RemovalReadinessAnswer;
  readonly Subscription: SubscriptionAnswer;
  readonly AzureSubscription: AzureSubscriptionAnswer;
  readonly Reservation: ReservationAnswer;
  readonly SoftwarePurchase: SoftwarePurchaseAnswer;
  readonly SavingsPlan: SavingsPlanAnswer;
  readonly Grant: GrantAnswer;
  readonly AccessAssignment: AccessAssignmentAnswer;
  readonly CloudEvent: CloudEvent;
  readonly CloudEventBatch: readonly CloudEvent[];
  readonly SecurityEventPage: SecurityEventPage;
  readonly Explanation: ExplanationAnswer;
  readonly Operation: OperationAnswer;
  readonly Live: LiveAnswer;
  readonly Readiness: ReadinessAnswer;
  readonly ProblemText: ProblemTextEntry;
  readonly ProblemTexts: readonly ProblemTextEntry[];
  readonly SchemaEntries: readonly SchemaEntry[];
  readonly JsonSchema: JsonSchemaAnswer;
}
export type AnswerName = keyof Answers;

/** An answer without the fields that the reader of a relationship adds. */
export type WithoutPlace<Answer> = Omit<Answer, keyof Place | keyof AsItStood>;

/** In answers about a moment in the past. */
interface AsItStood {
  /** With asOf: that time. With asOfPosition or asOfRevision: when the last event up to there was recorded. */
  readonly asOf?: Instant;
}

interface PairOfTenants {
  readonly partnerId: Guid;
  readonly customerId: Guid;
}

export interface RelationshipAnswer extends Place, AsItStood, PairOfTenants {
  readonly status: Exclude<RelationshipStatus, 'unknown'>;
  /** How many times the relationship has been established. */
  readonly relationshipTerm: number;
  readonly customer: { readonly name: string; readonly domain?: string };
  /** Null unless a request waits for the customer. */
  readonly request: {
    readonly requestedAt: Instant;
    readonly expiresAt: Instant;
    readonly delegatedAdmin: boolean;
  } | null;
  readonly establishedAt: Instant | null;
  readonly agreementConfirmedAt: Instant | null;
  readonly removedAt: Instant | null;
  readonly availableSupportContacts: readonly SupportContact[];
}

export interface RemovalReadinessAnswer extends RemovalReadiness, PairOfTenants, Place {
  readonly asOf: Instant;
}

export interface SubscriptionAnswer extends Omit<Subscription, 'anchorDay' | 'azureSubscriptions'>, Place, AsItStood {
  readonly subscriptionId: Id;
  readonly relationshipTerm: number;
  readonly azureSubscriptions: readonly AzureSubscriptionInPlan[];
  readonly supportContact: SupportContact | null;
}

export interface AzureSubscriptionInPlan {
  readonly azureSubscriptionId: Id;
  readonly name: string;
  readonly status: 'active' | 'cancelled';
}

export interface AzureSubscriptionAnswer extends AzureSubscriptionInPlan, Place, AsItStood {
  readonly subscriptionId: Id;
}

export interface ReservationAnswer extends Reservation, Place, AsItStood {
  readonly reservationId: Id;
}

export interface SoftwarePurchaseAnswer extends Omit<SoftwarePurchase, 'anchorDay' | 'lineItems'>, Place, AsItStood {
  readonly purchaseId: Id;
  readonly relationshipTerm: number;
  readonly lineItems: readonly { readonly lineItemId: Id; readonly cancelled: boolean }[];
}

export interface SavingsPlanAnswer extends SavingsPlan, Place, AsItStood {
  readonly savingsPlanId: Id;
}

export interface GrantAnswer extends Place, AsItStood {
  readonly grantId: Id;
  readonly relationshipTerm: number;
  readonly kind: 'dap' | 'gdap';
  readonly status: GrantStatus;
  readonly name?: string;
  readonly roles?: readonly Guid[];
  readonly durationDays?: number;
  readonly autoExtendDays?: number;
  /** When the request lapses if it is not approved. */
  readonly requestExpiresAt?: Instant;
  /** When the active grant ends. */
  readonly endsAt?: Instant;
  readonly accessAssignments?: readonly AccessAssignmentOfGrant[];
}

export interface AccessAssignmentOfGrant {
  readonly assignmentId: Id;
  readonly groupId: Guid;
  readonly roles: readonly Guid[];
  readonly status: 'active' | 'deleted';
}

export interface AccessAssignmentAnswer extends AccessAssignmentOfGrant, Place, AsItStood {
  readonly grantId: Id;
}

export interface BulkAnswer {
  /** In the order of the request. */
  readonly items: readonly BulkItemAnswer[];
}

export interface BulkItemAnswer {
  /**
   * The index of the item in the request.
   *
   * @minimum 0
   */
  readonly index: number;
  /**
   * @minimum 200
   * @maximum 599
   */
  readonly status: number;
  /** ETag, Location, Ledger-Position, Idempotent-Replayed, Retry-After and others, as the command sent alone would have them. */
  readonly headers: { readonly [name: string]: string };
  readonly body: CommandAnswer | ProblemBody;
}

/** An event as it is stored, in the JSON form of CloudEvents 1.0. */
export interface CloudEvent extends Place {
  readonly specversion: '1.0';
  readonly id: Guid;
  /** The ledger. */
  readonly source: Reference;
  /** The name of the event. */
  readonly type: string;
  /** The stream. */
  readonly subject: string;
  /** When the event was recorded. */
  readonly time: Instant;
  readonly datacontenttype: 'application/json';
  /**
   * The name of the JSON Schema of data: urn:reseller-ledger:schemas:events:{type}:{schema}, served at /schemas/events/{type}/{schema}.
   *
   * @format uri
   */
  readonly dataschema: string;
  readonly correlationid: string;
  readonly causationid: string;
  readonly command?: string;
  readonly commandid: string;
  readonly commandhash: string;
  readonly actorid: string;
  /**
   * system: the event follows from a date alone; actorid is the sender of the command with which it was recorded.
   *
   * @examples ["partnerUser", "partnerApp", "customerUser", "system"]
   */
  readonly actorkind: string;
  /** Separated by commas. */
  readonly actorroles: string;
  readonly actortenant: string;
  readonly comment?: string;
  readonly policyname: string;
  readonly policyhash: string;
  /** The version of the ledger that decided; absent from events recorded before 0.2.0. */
  readonly release?: string;
  /**
   * The version of the schema of data.
   *
   * @minimum 1
   */
  readonly schema: number;
  /** The part of the server in the trace of the command (W3C Trace Context), where the command had one. */
  readonly traceparent?: string;
  readonly hash: Sha256;
  readonly previoushash: Sha256;
  /** @asType object */
  readonly data: unknown;
}

export interface SecurityEventPage {
  readonly items: readonly SecurityEvent[];
  readonly position: Position;
}

export interface SecurityEvent {
  /** AccessDenied; or AccessDenialsOmitted: more denials than are recorded one by one. */
  readonly type: 'AccessDenied' | 'AccessDenialsOmitted';
  readonly id: Guid;
  readonly recordedAt: Instant;
  /** The code of the problem that was answered. */
  readonly code?: string;
  readonly method?: string;
  /**
   * The pattern of the path.
   *
   * @examples ["/v1/customers/:customerId/items"]
   */
  readonly route?: string;
  /** The tenant of a caller whose token was verified. */
  readonly tenant?: Guid;
  readonly actorId?: string;
  /** The partner whose ledger was asked for, or that the omitted ones concern. */
  readonly partnerId?: Guid;
  /** The number of denials within a minute; of those omitted, within an hour. */
  readonly count?: number;
  /** The numbers of those omitted, by the code that was answered. */
  readonly byCode?: { readonly [code: string]: number };
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

export interface ExplanationAnswer extends Place, AsItStood {
  readonly view: string;
  readonly version: number;
  /** The key of the row in its list. */
  readonly key: object;
  /** Whether the list shows the row. */
  readonly listed: boolean;
  /** The row as time has left it at the time of the answer, recorded or not, and the rows that it is joined with; null for a row that is gone. */
  readonly rows: readonly { readonly table: string; readonly row: object | null }[];
  /** What time has made of the row that is not recorded; null when nothing. */
  readonly byTime: {
    /** The changed fields of the row, each with its recorded value and its present one. */
    readonly fields: object;
    /** The events that would record it, in the order of their ends; the first of them, up to the limit. */
    readonly events: readonly UnrecordedEvent[];
  } | null;
  /** The events that the row depends on, in the order in which they were recorded. */
  readonly events: readonly ExplainedEvent[];
  /** The texts of the rules, by number. */
  readonly rules: { readonly [number: string]: string };
}

export interface ExplainedEvent extends Place {
  readonly type: string;
  readonly recordedAt: Instant;
  /** Null for an event that was recorded before events named their command. */
  readonly command: string | null;
  readonly commandId: string;
  readonly correlationId: string;
  readonly actor: EventActor;
  readonly comment: string | null;
  readonly schema: number;
  readonly policy: { readonly name: string; readonly hash: string };
  /** The version of the ledger that decided; null for an event recorded before events named it. */
  readonly release: string | null;
  /** The numbers of the rules that govern the command. */
  readonly rules: readonly string[];
  /** Empty for an event that was read but changed nothing. */
  readonly changes: readonly RowChange[];
  /** The event of the same command that caused this one. */
  readonly cause: { readonly revision: number; readonly type: string } | null;
}

/** An event that time has brought about and nobody has recorded. */
export interface UnrecordedEvent {
  readonly type: string;
  /** The end that has passed; the event counts from then. */
  readonly at: Instant;
  /** The command that records it. */
  readonly command: string;
  /** In force at that end. */
  readonly policy: { readonly name: string; readonly hash: string };
  /** The numbers of the rules that govern the command. */
  readonly rules: readonly string[];
  readonly changes: readonly RowChange[];
}

export interface EventActor {
  readonly id: string;
  readonly kind: string;
  readonly roles: readonly string[];
  readonly tenant: string;
}

export interface OperationAnswer {
  readonly id: Guid;
  readonly status: PastStatus;
  readonly createdAt: Instant;
  readonly endedAt: Instant | null;
  readonly steps: readonly OperationStep[];
  readonly error: OperationError | null;
  readonly result: { readonly href: Reference } | null;
}

export interface OperationStep {
  readonly name: 'wait' | 'project';
  readonly status: PastStatus;
  readonly view?: string;
  /** How far the ledger has been read. */
  readonly position?: Position;
  /** The position up to which it is read. */
  readonly until?: Position;
}

export interface OperationError {
  readonly type: Reference;
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

export interface LiveAnswer {
  readonly status: 'live';
}

export interface ReadinessAnswer {
  readonly status: 'ready' | 'notReady' | 'damaged';
  /** What the server still waits for, in words. */
  readonly missing: readonly string[];
  /** What is not as it should be, in words, and does not keep the server from being ready. */
  readonly degraded: readonly string[];
  readonly views: readonly ViewReadiness[];
  readonly timekeeper: TimekeeperReadiness;
}

export interface TimekeeperReadiness {
  /** `on`: this server records what time brings about. `standby`: another server of the log does. `off`: this one does not. */
  readonly status: 'on' | 'standby' | 'off';
  /** No other server of the log records it now. */
  readonly holdsLease: boolean;
  /** How long ago the oldest boundary has passed that is not recorded; 0 where there is none. Absent while the views cannot say. */
  readonly secondsBehind?: Seconds;
}

export interface ViewReadiness {
  readonly name: string;
  readonly status: 'building' | 'running' | 'stopped';
  readonly position: Position;
  /** The number of events by which the view lags; at least that many while a long lag is still being counted. Absent while the event store cannot say. */
  readonly eventsBehind?: number;
  /** The age of the oldest of these events. */
  readonly secondsBehind?: Seconds;
}

export interface ProblemTextEntry {
  readonly type: string;
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

export interface SchemaEntry {
  /**
   * The $id of the schema. For an event, it is its dataschema.
   *
   * @format uri
   */
  readonly id: string;
  /** The path of the schema. */
  readonly href: Reference;
  /** The name of the event or the command. */
  readonly title: string;
  readonly description: string;
}

/** A JSON Schema of 2020-12. */
export interface JsonSchemaAnswer {
  readonly $schema: string;
  readonly $id: string;
  readonly title: string;
  readonly description: string;
  readonly [keyword: string]: unknown;
}
