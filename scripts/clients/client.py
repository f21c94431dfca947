"""A program of an integrator, with the client that is generated from openapi.json: `client.py FILE`.

Its URL and its token are in the environment. Each step is a call and what has to come of it.
"""

import io
import json
import os
import sys
import time

import httpx
from access_service import AuthenticatedClient, Client
from access_service.api.contacts import add_contacts, change_contact, delete_contact, list_contacts
from access_service.api.contract import read_openapi_document
from access_service.api.dashboard import count_users
from access_service.api.imports import (
    create_import_upload,
    download_import_template,
    download_rejected_rows,
    import_users,
    list_import_errors,
    list_imports,
    read_import,
)
from access_service.api.me import change_current_user, read_current_user
from access_service.api.tokens import issue_token, revoke_token
from access_service.api.users import change_user, create_user, delete_user, list_users, read_user, run_bulk_action
from access_service.models import (
    BulkIds,
    Contact,
    ContactChange,
    ContactPage,
    CreatedContacts,
    Import,
    ImportForm,
    ImportMode,
    ImportUpload,
    NewContact,
    NewContacts,
    NewToken,
    NewUser,
    Problem,
    Role,
    RowErrorPage,
    RunBulkActionAction,
    TokenRequest,
    UploadRequest,
    User,
    UserChange,
    UserPage,
)
from access_service.types import UNSET, File

BASE_URL = os.environ["URL"] + "/api/v1"
# An import is waited for up to 25 seconds.
TIMEOUT = httpx.Timeout(30)
steps = 0


def step(what, answer, kind):
    """The answer, which has to be of this type."""
    global steps
    if not isinstance(answer, kind):
        sys.exit(f"{what}: expected {kind.__name__}, got {answer}")
    steps += 1
    return answer


def equal(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: expected {wanted!r}, got {got!r}")


def signed_in(token):
    return AuthenticatedClient(BASE_URL, token=token, timeout=TIMEOUT, follow_redirects=True)


def imports_a_file(admin, path):
    with open(path, "rb") as people:
        form = ImportForm(file=File(people, "people.csv", "text/csv"), mode=ImportMode.CREATE, ignore_duplicates=False)
        done = step("import a file", import_users.sync(client=admin, body=form, idempotency_key="people"), Import)
    equal("status", done.status, "completed")
    equal("counts", (done.counts.rows, done.counts.created, done.counts.failed), (10, 5, 5))

    errors, cursor = [], UNSET
    while cursor is not None:
        page = list_import_errors.sync(done.id, client=admin, limit=3, cursor=cursor)
        page = step("list row errors", page, RowErrorPage)
        errors += page.items
        cursor = page.next_cursor
    equal("row errors", len(errors), page.count)
    equal("first row error", (errors[0].line, errors[0].member, errors[0].code), (4, "email", "required"))

    rejected = step("download rejected rows", download_rejected_rows.sync(done.id, client=admin), str)
    equal("rejected rows", len(rejected.splitlines()), 1 + done.counts.failed)
    equal("their header", "roles,_line,_column,_code," in rejected.splitlines()[0], True)

    columns = json.dumps({"Post": "email", "Team": None})
    form = ImportForm(file=File(io.BytesIO(b"Post,Team\neva@example.org,A\n")), columns=columns, mode=ImportMode.VALIDATE)
    mapped = step("import columns of other names", import_users.sync(client=admin, body=form), Import)
    equal("counts", (mapped.counts.rows, mapped.counts.failed), (1, 0))

    equal("newest import", step("read an import", read_import.sync(done.id, client=admin), Import).id, done.id)


def uploads_a_file(admin):
    template = step("download the template", download_import_template.sync(client=admin), str).encode()
    request = UploadRequest(bytes_=len(template), file_name="template.csv", mode=ImportMode.VALIDATE)
    opened = step("open an upload", create_import_upload.sync(client=admin, body=request), ImportUpload)
    upload = opened.upload
    headers = {"Content-Type": upload.content_type}
    httpx.request(upload.method, upload.url, content=template, headers=headers).raise_for_status()
    for _ in range(100):
        done = step("wait for the import", read_import.sync(opened.id, client=admin), Import)
        if done.finished_at:
            break
        time.sleep(0.1)
    equal("status", (done.status, done.counts.failed), ("completed", 0))


def manages_users(admin):
    body = NewUser(email="mary@example.org", first_name="Mary", roles=[Role.ROLE_ORIGINATOR])
    mary = step("create a user", create_user.sync(client=admin, body=body), User)

    answer = read_user.sync_detailed(mary.id, client=admin)
    step("read a user", answer.parsed, User)
    change = UserChange(last_name="Shelley", mobile_number=None, id=mary.id)
    changed = change_user.sync(mary.id, client=admin, body=change, if_match=answer.headers["ETag"])
    equal("last name", step("change a user", changed, User).last_name, "Shelley")

    found = list_users.sync(client=admin, search_text="shelley", enabled=True, limit=5)
    equal("found", [user.id for user in step("list users", found, UserPage).items], [mary.id])
    equal("users", count_users.sync(client=admin).total_users, 7)

    lapsed = change_user.sync(mary.id, client=admin, body=change, if_match=answer.headers["ETag"])
    equal("type", step("change it by an old tag", lapsed, Problem).type_, "/problems/precondition-failed")
    return mary


def keeps_contacts(admin, mary):
    token = issue_token.sync(mary.id, client=admin, body=TokenRequest(expires_in=600))
    hers = signed_in(step("issue a token", token, NewToken).access_token)
    equal("caller", step("read myself", read_current_user.sync(client=hers), User).id, mary.id)
    changed = change_current_user.sync(client=hers, body=UserChange(other_name="Wollstonecraft"))
    equal("other name", step("change myself", changed, User).other_name, "Wollstonecraft")

    body = NewContacts(contacts=[NewContact(email="ada@example.org", first_name="Ada")], ignore_duplicates=True)
    added = step("create a contact", add_contacts.sync(client=hers, body=body), CreatedContacts)
    ada = added.results[0].id
    change = ContactChange(email="ada@example.org", last_name="Lovelace")
    changed = step("change a contact", change_contact.sync(ada, client=hers, body=change), Contact)
    equal("last name", changed.last_name, "Lovelace")
    listed = step("list contacts", list_contacts.sync(client=hers, limit=5), ContactPage)
    equal("contacts", [contact.id for contact in listed.items], [ada])
    equal("deleted", delete_contact.sync(ada, client=hers).id, ada)
    equal("contacts left", step("list contacts", list_contacts.sync(client=hers), ContactPage).count, 0)

    revoke_token.sync(client=hers)
    ended = step("use a revoked token", read_current_user.sync(client=hers), Problem)
    equal("status", (ended.status, ended.type_), (401, "/problems/unauthenticated"))


def gets_problems(admin, mary):
    body = NewUser(email="tim@", roles=[Role.ROLE_ORIGINATOR])
    problem = step("create a user without an address", create_user.sync(client=admin, body=body), Problem)
    equal("type", (problem.type_, problem.status), ("/problems/invalid", 422))
    equal("errors", [(fault.pointer, fault.code) for fault in problem.errors], [("#/email", "invalid_format")])

    equal("deleted", delete_user.sync(mary.id, client=admin).id, mary.id)
    gone = step("read a deleted user", read_user.sync(mary.id, client=admin), Problem)
    equal("type", gone.type_, "/problems/not-found")
    bulk = run_bulk_action.sync(client=admin, body=BulkIds(ids=[mary.id]), action=RunBulkActionAction.DELETE)
    equal("results", [result.status for result in bulk.results], [404])

    document = read_openapi_document.sync(client=Client(BASE_URL))
    equal("version", document.openapi, "3.1.0")


def main():
    admin = signed_in(os.environ["TOKEN"])
    imports_a_file(admin, sys.argv[1])
    uploads_a_file(admin)
    equal("imports", list_imports.sync(client=admin, limit=1).count, 3)
    mary = manages_users(admin)
    keeps_contacts(admin, mary)
    gets_problems(admin, mary)
    print(f"{steps} steps passed")


if __name__ == "__main__":
    main()
