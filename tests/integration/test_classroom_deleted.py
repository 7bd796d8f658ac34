"""A class is deleted and another one made under its id: what was for the first one is worth nothing for the second."""

from class_client import Page, School
from whep_client import Peer


def ingest_key(school, token):
    return school.server.get("/api/streams/live/algebra/ingest", token=token).json["stream_key"]


def assert_worth_nothing(school, made, students, teachers):
    """With the tokens of the class that was: neither reading nor changing, no socket, no picture, no other token."""
    server = school.server
    for token in students + teachers:
        assert server.get("/api/classes/algebra", token=token).status == 401
        assert server.post("/api/token/refresh", token=token).status == 401
        answer = Peer(server, "live/algebra").post(token)
        assert answer.status == 401, answer.text
    for token in students:
        assert Page(server, "student", token, "algebra").wait_closed() == 4401
        # By itself it lets nobody in, and keeps nobody out.
        assert server.post("/api/token", json_body={"class_id": "algebra"}, token=token).status == 401
        assert server.post("/api/token", json_body={"class_id": "algebra", "pin": made["pin"]}, token=token).status == 200
    for token in teachers:
        assert server.request("PATCH", "/api/classes/algebra", token=token, json_body={"title": "mine"}).status == 401
        assert server.post("/api/classes/algebra/sessions", token=token).status == 401
        assert server.get("/api/streams/live/algebra/ingest", token=token).status == 401
        assert Page(server, "teacher", token, "algebra").wait_closed() == 4401
        assert server.post("/api/token", json_body={"class_id": "algebra", "user_type": "teacher"}, token=token).status == 401


def refreshed(school, token):
    answer = school.server.post("/api/token/refresh", token=token)
    assert answer.status == 200, answer.text
    return answer.json["token"]


def test_tokens_of_a_deleted_class(airclassd):
    school = School(airclassd({"auth": {"trust_loopback": "false"}}))
    server, first = school.server, school.make()
    students, teachers = [school.student(pin=first["pin"], user_id="minji")["token"]], [school.teacher()]
    key = ingest_key(school, teachers[0])
    session = school.start()
    assert server.request("DELETE", "/api/classes/algebra", token=teachers[0]).status == 204
    # Until there is another one: the report is still for its teacher, and whoever likes may watch a stream without a class.
    assert server.get("/api/classes/algebra", token=teachers[0]).status == 404
    assert server.get(f"/api/sessions/{session}/report", token=teachers[0]).status == 200
    students += [refreshed(school, students[0]), school.student(token=students[0])["token"], school.student()["token"]]
    teachers += [refreshed(school, teachers[0]),
                 server.post("/api/token", json_body={"class_id": "algebra", "user_type": "teacher"}, token=teachers[0]).json["token"]]
    made = school.make()
    assert_worth_nothing(school, made, students, teachers)

    newcomer, successor = school.student(pin=made["pin"])["token"], school.teacher(user_id="mr-lee")
    new_key = ingest_key(school, successor)
    assert new_key != key
    server.stop()
    server.start()
    assert_worth_nothing(school, made, students, teachers)
    assert server.get("/api/classes/algebra", token=newcomer).status == 200
    assert server.request("PATCH", "/api/classes/algebra", token=successor, json_body={"title": "새 반"}).status == 200
    assert ingest_key(school, successor) == new_key
    page = school.open("student", newcomer)
    assert page.snapshot["class"]["title"] == "새 반"
    school.close()


def test_others_keep_theirs(airclassd):
    """The deletion of a class is no matter for other classes, the server's keys and the admin."""
    school = School(airclassd())
    server = school.server
    school.make()
    school.make("geometry", pin=None)
    other, admin = school.student("geometry")["token"], server.token("admin", class_id="algebra")
    assert server.request("DELETE", "/api/classes/algebra", token=admin).status == 204
    assert server.get("/api/classes/geometry", token=other).status == 200
    school.make()
    for token in (admin, server.teacher_key):
        assert server.get("/api/classes/algebra", token=token).status == 200


def test_a_pin_is_for_those_who_were_there_before(airclassd):
    """A class with a PIN is made around a stream that was without one: who watches is asked for it; a teacher's token stays good."""
    school = School(airclassd())
    server = school.server
    early, teacher = school.student()["token"], school.teacher()
    open_class = server.post("/api/classes", token=teacher, json_body={"class_id": "open", "title": "open", "pin": None})
    watcher = school.student("open")["token"]
    assert open_class.status == 201 and server.get("/api/classes/open", token=watcher).status == 200
    made = school.make()
    assert server.get("/api/classes/algebra", token=early).status == 401
    assert server.get("/api/classes/algebra", token=teacher).json["pin"] == made["pin"]
    later = school.student(pin=made["pin"], token=early)["token"]
    assert server.get("/api/classes/algebra", token=later).status == 200


def test_an_open_class_takes_those_who_were_there(airclassd):
    school = School(airclassd())
    early = school.student()["token"]
    school.make(pin=None)
    assert school.server.get("/api/classes/algebra", token=early).status == 200
