/** The API, typed from the server's own OpenAPI document (`api-types.ts` is generated: `npm run types`). */
import type { components, paths } from "./api-types";

export type Schemas = components["schemas"];
export type RoundView = Schemas["RoundView"];
export type TurnView = Schemas["TurnView"];
export type AnswerView = Schemas["AnswerView"];
export type RevealedSide = Schemas["RevealedSide"];
export type Board = Schemas["Board"];
export type BoardRow = Schemas["BoardRow"];
export type Matrix = Schemas["Matrix"];
export type Verdict = Schemas["Verdict"];
export type Card = Schemas["Card"];
export type ContenderView = Schemas["ContenderView"];
export type ContenderSpec = Schemas["ContenderSpec"];
export type Detected = Schemas["DetectedView"];
export type Probe = Schemas["ProbeView"];
export type ModelView = Schemas["ModelView"];
export type Job = Schemas["Job"];
export type FieldView = Schemas["FieldView"];
export type Status = Schemas["Status"];
export type Problem = Schemas["ProblemView"];
export type Session = Schemas["Session"];
export type Role = NonNullable<Session["role"]>;
export type AccountView = Schemas["AccountView"];
export type Invitation = Schemas["InvitationView"];
export type NewInvitation = Schemas["NewInvitation"];
export type KeyView = Schemas["KeyView"];
export type NewKey = Schemas["NewKey"];
export type Scope = KeyView["scopes"][number];
export type CasePage = Schemas["CasePage"];
export type CaseLine = CasePage["cases"][number];
export type CaseView = Schemas["CaseView"];
export type Result = NonNullable<CaseLine["result"]>;
export type ShadowView = Schemas["ShadowView"];
export type FieldColumns = Schemas["FieldColumns"];
export type FieldRow = Schemas["FieldRow"];
export type OutcomeRow = Schemas["OutcomeRow"];
export type Agreement = Schemas["Agreement"];
export type CaseAgreement = Schemas["CaseAgreement"];
export type Rate = Schemas["Rate"];
export type Alarm = Schemas["Alarm"];
export type DriftView = Schemas["DriftView"];
export type Stratum = Schemas["OtherVotes"]["stratum"];
export type Me = Schemas["Me"];
export type MyEntry = Schemas["MyEntry"];
export type Erased = Schemas["Erased"];
export type ScorecardLine = Schemas["ScorecardLine"];
export type ScorecardView = Schemas["ScorecardView"];
export type ContenderScore = Schemas["ContenderScore"];
export type Estimate = Schemas["Estimate"];
export type PassPoint = Schemas["PassPoint"];
export type Share = Schemas["Share"];
export type TaskLine = Schemas["TaskLine"];
export type VerifierLine = Schemas["VerifierLine"];
export type RunView = Schemas["RunView"];
export type TrialLine = Schemas["TrialLine"];
export type TrialPage = Schemas["TrialPage"];
export type TrialView = Schemas["TrialView"];
export type TrialEvent = Schemas["TrialEvent"];
export type ArtifactView = Schemas["ArtifactView"];
export type Comparison = Schemas["Comparison"];
export type Pair = Schemas["Pair"];
export type PersonTask = Schemas["PersonTask"];
export type PersonTool = Schemas["PersonTool"];
export type PersonStep = Schemas["PersonStep"];
export type AuditLine = Schemas["AuditLine"];
export type FailureKind = NonNullable<AnswerView["failure"]>;
export type Choice = NonNullable<RoundView["vote"]>["choice"];
export type Side = "a" | "b";
export const SIDES: readonly Side[] = ["a", "b"];

type Method = "get" | "post" | "patch" | "delete";
type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
type Success = 200 | 201 | 202;
type Answer<R> = R[Success & keyof R] extends { content: { "application/json": infer B } } ? B : undefined;
type Reply<M extends Method, P extends PathOf<M>> = paths[P] extends Record<M, { responses: infer R }> ? Answer<R> : never;
type Body<M extends Method, P extends PathOf<M>> =
  paths[P] extends Record<M, { requestBody?: { content: { "application/json": infer B } } | undefined }> ? B : undefined;

interface Options<B> {
  /** Values for the `{…}` of the path. */
  path?: Record<string, string>;
  query?: Record<string, string | null | undefined>;
  body?: B;
}

/** What went wrong, in the server's words; `code` is stable. `gone`: no server answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
    readonly problems: Problem[] = [],
  ) {
    super(message);
  }
}

let csrf: Promise<string> | null = null;
let sessions = 0;

/** Told of every session the server gives, and when a call was refused because nobody is signed in. */
export const told: { session: (session: Session) => void; refused: () => void } = { session: () => {}, refused: () => {} };

/** One call. Throws `ApiError` for every way of not getting an answer. */
export async function call<M extends Method, P extends PathOf<M>>(
  method: M,
  path: P,
  { path: values = {}, query = {}, body }: Options<Body<M, P>> = {},
): Promise<Reply<M, P>> {
  const url = address(path as string, values, query);
  for (const last of [false, true]) {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    // Reads of what only admins may see ask for it too. The first call of all is the one that fetches it.
    if (method !== "get" || csrf) headers["X-Fieldmark-CSRF"] = await token();
    const response = await reach(url, { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as Reply<M, P>;
    const error = await trouble(response);
    if (error.code === "sign_in" && path !== "/api/v1/login") told.refused();
    if (last || method === "get" || error.status !== 403) throw error;
    csrf = null;
  }
  throw new ApiError(0, "unreachable", "");
}

/** Where `path` lies, for links and event streams. */
export function address(path: string, values: Record<string, string> = {}, query: Record<string, string | null | undefined> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const search = new URLSearchParams(Object.entries(query).flatMap(([k, v]) => (v ? [[k, v]] : [])));
  return search.size ? `${filled}?${search}` : filled;
}

/** Ask for the voter's cookie and the token that unsafe calls carry. */
export function token(): Promise<string> {
  const mine = sessions;
  csrf ??= call("get", "/api/v1/session").then((session) => {
    // Somebody signed in or out while this was under way: what it says is old.
    if (mine === sessions) told.session(session);
    return session.csrf;
  });
  csrf.catch(() => (csrf = null));
  return csrf;
}

/** Go on with a session that a call has just begun. */
export function take(session: Session): void {
  sessions += 1;
  csrf = Promise.resolve(session.csrf);
  told.session(session);
}

/** Ask again who this browser is. */
export function again(): Promise<string> {
  csrf = null;
  return token();
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new ApiError(0, "gone", "");
  }
}

async function trouble(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as Schemas["ErrorBody"];
    return new ApiError(response.status, error.code, error.message, error.hint, error.problems);
  } catch {
    return new ApiError(response.status, response.status >= 502 ? "gone" : "unknown", "");
  }
}
